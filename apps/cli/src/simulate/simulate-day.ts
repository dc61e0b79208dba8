import type { SchedulingConfig } from '#libs/contracts';
import { coreConfigOf, type DayEvent, dayFigures, dayReport, type NodeSpec, replayDay } from '#libs/scheduling';
import { readAs } from './read-text.js';
import type { Simulation } from './simulation.js';

export interface DaySimulation {
  readonly trace: string;
  readonly config: SchedulingConfig;
  readonly gpus: number;
  /** Minutes. */
  readonly cull: number;
}

/** The class of each kind of work. */
const CLASSES = { session: 'interactive', beamline: 'live', reprocessing: 'batch' } as const;
const DEVICES = 8;
const MINUTE = 60_000;

/** A day of sessions and jobs, one JSON object a line. @throws Error that names the file, and the line that is none */
export function simulateDay({ trace: file, config, gpus, cull }: DaySimulation): Simulation {
  const flavor = config.flavors.find(({ kind }) => kind === 'gpu');
  const first = config.queues[0];
  if (flavor?.kind !== 'gpu' || !first) throw new Error('A day needs --config with a GPU flavor and a queue');
  const events = readAs(file, readDay);
  const queueOf = (name: string): string => (config.queues.some((queue) => queue.name === name) ? name : first.name);
  const route = (kind: DayEvent['kind']) => ({ class: CLASSES[kind], queue: queueOf(CLASSES[kind]) });
  const routes = { session: route('session'), beamline: route('beamline'), reprocessing: route('reprocessing') };
  const nodes = Array.from({ length: Math.ceil(gpus / DEVICES) }, (_, at): NodeSpec => {
    const devices = Array.from({ length: Math.min(DEVICES, gpus - at * DEVICES) }, () => 'share' as const);
    return { id: `node-${at}`, cpuMilli: 128_000, memoryBytes: 2 ** 40, gpu: { model: flavor.model, devices } };
  });
  const result = replayDay(events, {
    ...{ config: coreConfigOf(config), flavor: flavor.name, nodes, routes },
    cullMs: cull * MINUTE,
  });
  const { outcome, culled, idleGpuHours, busyGpuHours } = result;
  const metrics = { ...dayFigures(outcome), culled, idleGpuHours, busyGpuHours };
  const parameters = { trace: file, gpus, 'culled after, min': cull };
  return {
    metrics,
    details: { starts: outcome.starts },
    report: { ...dayReport(outcome, { title: `${file}, a day`, parameters }), figures: metrics },
  };
}

function readDay(text: string): DayEvent[] {
  return text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    try {
      const event = JSON.parse(line) as DayEvent;
      if (!Object.hasOwn(CLASSES, event.kind) || !Number.isSafeInteger(event.at)) throw new Error();
      return [event];
    } catch {
      throw new Error(`line ${at + 1} is no session, beamline or reprocessing job`);
    }
  });
}

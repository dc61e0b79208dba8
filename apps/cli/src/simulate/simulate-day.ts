import type { SchedulingConfig } from '#libs/contracts';
import { coreConfigOf, type DayEvent, type DayResult, type NodeSpec, replayDay } from '#libs/scheduling';
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
  const metrics = metricsOf(result);
  const { session: interactive, beamline: live, reprocessing: batch } = result.waits;
  return {
    metrics,
    details: { waits: result.waits },
    report: {
      ...{ title: `${file}, a day`, parameters: { trace: file, gpus, 'culled after, min': cull }, figures: metrics },
      ...{ from: 0, to: 36 * 60 * MINUTE, capacity: gpus, allocated: [], unallocated: {} },
      waits: { live, interactive, batch },
    },
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

function metricsOf({ waits, evictions, ...result }: DayResult): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const [kind, all] of Object.entries(waits)) {
    const sorted = [...all].sort((a, b) => a - b);
    const at = (share: number): number => (sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0) / 1_000;
    const name = CLASSES[kind as DayEvent['kind']];
    figures[`${name} starts`] = sorted.length;
    figures[`${name} wait p50, s`] = at(0.5);
    figures[`${name} wait p95, s`] = at(0.95);
    figures[`${name} longest wait, s`] = at(1);
  }
  return { ...figures, ...result, ...evictions };
}

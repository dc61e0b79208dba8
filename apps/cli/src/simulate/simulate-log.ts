import type { SchedulingConfig } from '#libs/contracts';
import { dayFigures, dayReport, readDayLog, replayDayLog } from '#libs/scheduling';
import { readAs } from './read-text.js';
import type { Simulation } from './simulation.js';

export interface LogSimulation {
  readonly trace: string;
  /** Null: the configurations that held then. */
  readonly config: SchedulingConfig | null;
  /** Its file, for people. */
  readonly configFile?: string;
}

/** A day of a service as `beamgate log` exports it. @throws Error that names the file, and the line and field at fault */
export function simulateLog({ trace, config, configFile }: LogSimulation): Simulation {
  if (config && (config.queues.length === 0 || config.flavors.length === 0))
    throw new Error(`${configFile}: a day needs a flavor and a queue`);
  const outcome = readAs(trace, (text) => replayDayLog(readDayLog(text), config ?? undefined));
  const when = (at: number): string => new Date(at).toISOString();
  const under = configFile ?? 'as it was';
  return {
    metrics: dayFigures(outcome),
    details: { starts: outcome.starts },
    report: dayReport(outcome, {
      title: `${trace}, ${configFile ? `under ${configFile}` : under}`,
      parameters: { trace, configuration: under, from: when(outcome.from), to: when(outcome.to) },
    }),
  };
}

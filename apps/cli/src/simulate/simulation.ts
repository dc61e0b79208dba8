import type { SimulationResult } from '#libs/scheduling';

/** A simulation as the command tells it. */
export interface Simulation {
  /** Numbers by name, the same in text and in JSON. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Everything by itself: the start of each job, or the place of each task. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly report: SimulationResult;
}

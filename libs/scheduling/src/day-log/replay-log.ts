import type { SchedulingConfig } from '#libs/contracts';
import { type CoreStep, stepFull } from '../core/core.js';
import type { CoreEvent } from '../core/model.js';
import { restoreFull } from '../core/snapshot.js';
import type { FullState } from '../core/state.js';
import type { DayLog } from './read-day-log.js';

/** One step of a replay. */
export interface LogMoment {
  readonly at: number;
  readonly state: FullState;
  /** That holds; null: none. */
  readonly config: SchedulingConfig | null;
  readonly events: readonly CoreEvent[];
  /** Whether the core was made anew, or read back, just before. */
  readonly anew: boolean;
  readonly result: CoreStep;
}

/** Sees a replay go by. */
export interface LogWatch {
  /** Before a step. */
  before?(moment: Omit<LogMoment, 'result'>): void;
  after(moment: LogMoment): void;
}

/** Lets the core make the same steps again: the same input gives the same actions. */
export function replayLog({ steps }: DayLog, watches: readonly LogWatch[]): void {
  let state: FullState | undefined;
  let config: SchedulingConfig | null = null;
  for (const { seq, at, origin, events } of steps) {
    if (origin) {
      state = restored(origin.state, seq);
      config = origin.config;
    }
    if (!state) throw new Error(`step ${seq}: nothing is known of what was before it`);
    const moment = { at, state, config, events, anew: origin !== null };
    for (const watch of watches) watch.before?.(moment);
    const result = stepFull(state, events, at);
    for (const watch of watches) watch.after({ ...moment, result });
  }
}

function restored(snapshot: Parameters<typeof restoreFull>[0], seq: number): FullState {
  try {
    return restoreFull(snapshot);
  } catch (error) {
    throw new Error(`step ${seq}: origin.state: is no state of the core: ${(error as Error).message}`);
  }
}

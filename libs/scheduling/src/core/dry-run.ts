import { type CoreStep, stepFull } from './core.js';
import type { CoreEvent } from './model.js';
import { restoreFull, snapshotFull } from './snapshot.js';
import type { FullState } from './state.js';

/** What the next step would do if it were told this; the state stays as it is. */
export function dryRun(state: FullState, events: readonly CoreEvent[], now: number): CoreStep {
  return stepFull(restoreFull(snapshotFull(state), state.policy), events, now);
}

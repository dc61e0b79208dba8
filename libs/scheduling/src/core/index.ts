export * from './actions.js';
export { amountsOf } from './amounts-of.js';
export { type Ceiling, ceilingOf } from './ceiling.js';
export { type CoreReason, type CoreStep, stepFull as step } from './core.js';
export { dryRun } from './dry-run.js';
export { type Explanation, explain, type Holder } from './explain.js';
export type { FairShareSnapshot } from './fair-share.js';
export * from './model.js';
export { type Never, neverFitsText } from './never-fits-text.js';
export type { Nomination } from './nomination.js';
export type { Promised } from './promised.js';
export { neverStarts, startableNow } from './room-for.js';
export type { Running } from './running.js';
export {
  type FullSnapshot as Snapshot,
  restoreFull as restore,
  snapshotFull as snapshot,
  snapshotText,
} from './snapshot.js';
export type { SparesSnapshot } from './spares.js';
export { FullState as State } from './state.js';
export { waitExplanation } from './wait-explanation.js';

export * from './actions.js';
export { amountsOf } from './amounts-of.js';
export { type CoreReason, type CoreStep, stepFull as step } from './core.js';
export * from './model.js';
export type { Nomination } from './nomination.js';
export type { Running } from './running.js';
export { type FullSnapshot as Snapshot, restoreFull as restore, snapshotFull as snapshot } from './snapshot.js';
export { FullState as State } from './state.js';

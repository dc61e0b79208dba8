export * from './actions.js';
export { amountsOf } from './amounts-of.js';
export { type CoreStep, stepFull as step } from './core.js';
export * from './model.js';
export type { Running } from './running.js';
export {
  type FullSnapshot as Snapshot,
  FullState as State,
  restoreFull as restore,
  snapshotFull as snapshot,
} from './state.js';

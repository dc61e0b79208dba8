export type { Amounts } from './amounts.js';
export * from './backfill-cycle.js';
export * from './candidate.js';
export { CandidateIndex } from './candidate-index.js';
export * from './capacity-profile.js';
export * from './plan-backfill.js';

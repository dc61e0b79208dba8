export * from './backfill/index.js';
export * from './core-state.js';
export type { Ground } from './expected-start.js';
export * from './first-come.policy.js';
export * from './policy.js';
export * from './simulate/index.js';
export * from './step.js';

export { configFaults } from './config-faults.js';
export { coreConfigOf, type SpareRequest } from './core-config.js';
export * from './diff-configs.js';
export { halfLifeSecondsOf } from './half-life.js';
export { type OfferedGpu, offeredFlavors } from './offered-flavors.js';
export type { Fault } from './place.js';
export * from './read-config.js';
export type { NodeTotals } from './reservation-faults.js';

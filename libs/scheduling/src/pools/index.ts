export { Demand, type DemandSnapshot } from './demand.js';
export { poissonCover } from './poisson.js';
export { poolSize } from './pool-size.js';

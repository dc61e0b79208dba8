export * from './replay.js';
export * from './replay-backfill.js';
export * from './replay-policies.js';
export * from './swf.js';
export * from './trace-metrics.js';

export * from './gateway.module.js';
export * from './http/drain.js';
export * from './http/edge.js';
export * from './ports.js';
export * from './readers-of.js';

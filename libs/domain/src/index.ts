export * from './clock.js';
export * from './end-of-kernel.js';
export * from './happening.js';
export * from './idle-end.js';
export * from './in-use.js';
export * from './kernel-transition.js';
export * from './seal.js';
export * from './why-it-ends.js';

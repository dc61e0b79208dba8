export * from './clock.js';
export * from './cull-plan.js';
export * from './end-of-kernel.js';
export * from './happening.js';
export * from './kernel-transition.js';

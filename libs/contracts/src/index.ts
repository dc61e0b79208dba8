export * from './identity.js';
export * from './ids.js';
export * from './kernel.js';
export * from './kernel-info.js';
export * from './kernelspec.js';
export * from './messages.js';
export * from './problems.js';
export * from './rest.js';

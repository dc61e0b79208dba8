export * from './host-of.js';
export * from './launcher.module.js';

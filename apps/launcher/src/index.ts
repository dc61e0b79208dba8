export * from './launcher.module.js';
export * from './process-host.js';

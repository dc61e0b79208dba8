export * from './kernel-host.js';
export * from './process/process-host.js';
export * from './process/process-host-options.js';

export * from './data-folder-lock.js';
export * from './database-away.js';
export * from './postgres.js';
export * from './readers.js';
export type { SchedulingVersion } from './repositories/scheduling-config.repository.js';
export * from './sqlite/open-readers.js';
export * from './sqlite/open-store.js';
export * from './store.js';

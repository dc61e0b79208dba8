export * from './data-folder-lock.js';
export * from './database-away.js';
export * from './postgres/open-postgres-readers.js';
export * from './postgres/open-postgres-store.js';
export * from './readers.js';
export * from './sqlite/open-readers.js';
export * from './sqlite/open-store.js';
export * from './store.js';

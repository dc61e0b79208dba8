import type { DatabaseOptions } from './postgres/open-database.js';
import type { PostgresStoreOptions } from './postgres/open-postgres-store.js';
import type { Readers } from './readers.js';
import type { Store } from './store.js';

export type { DatabaseOptions, PostgresStoreOptions };

// Loaded where they are used: an embedded service would carry them in each of its threads.

/** See `postgres/open-postgres-store.ts`. */
export const openPostgresStore = async (options: PostgresStoreOptions): Promise<Store> =>
  (await import('./postgres/open-postgres-store.js')).openPostgresStore(options);

/** See `postgres/open-postgres-readers.ts`. */
export const openPostgresReaders = async (options: DatabaseOptions): Promise<Readers> =>
  (await import('./postgres/open-postgres-readers.js')).openPostgresReaders(options);

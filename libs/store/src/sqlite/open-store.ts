import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { migrate } from '../migrations/migrate.js';
import type { Schema } from '../schema.js';
import { SqlStore } from '../sql-store.js';
import type { Store } from '../store.js';
import { nodeSqliteDialect } from './node-sqlite-dialect.js';

export interface StoreOptions {
  /** Rows kept of the input log. */
  inputLogRows?: number;
}

/**
 * Opens the database file as its one writer, makes or migrates it, and takes the lead. Every commit is on disk
 * (synchronous=FULL) before it resolves.
 */
export async function openStore(path: string, { inputLogRows }: StoreOptions = {}): Promise<Store> {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 5_000 });
  database.exec('pragma journal_mode = wal; pragma synchronous = full');
  const db = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) });
  try {
    await migrate(db);
    return await SqlStore.open(db, inputLogRows);
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

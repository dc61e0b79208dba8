import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { migrate } from '../migrations/migrate.js';
import { LeaderRepository } from '../repositories/leader.repository.js';
import type { Schema } from '../schema.js';
import { sqliteSql } from '../sql-dialect.js';
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
    await migrate(db, sqliteSql);
    // The lock of the data folder is the lease.
    const epoch = await new LeaderRepository(db, sqliteSql).take('embedded', 0);
    return new SqlStore(db, { dialect: sqliteSql, epoch, inputLogRows });
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { Readers } from '../readers.js';
import { InputLogRepository } from '../repositories/input-log.repository.js';
import { KernelRepository } from '../repositories/kernel.repository.js';
import { SessionRepository } from '../repositories/session.repository.js';
import { TokenRepository } from '../repositories/token.repository.js';
import type { Schema } from '../schema.js';
import { nodeSqliteDialect } from './node-sqlite-dialect.js';

/** A gateway's own connection; it can't write. The file must exist: open the store first. Sees each finished commit. */
export function openReaders(path: string): Readers {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const db = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) });
  return {
    kernels: new KernelRepository(db),
    sessions: new SessionRepository(db),
    tokens: new TokenRepository(db),
    inputLog: new InputLogRepository(db),
    close: async () => {
      await db.destroy();
      if (database.isOpen) database.close();
    },
  };
}

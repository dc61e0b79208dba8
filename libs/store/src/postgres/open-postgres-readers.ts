import type { Readers } from '../readers.js';
import { InputLogRepository } from '../repositories/input-log.repository.js';
import { KernelRepository } from '../repositories/kernel.repository.js';
import { SessionRepository } from '../repositories/session.repository.js';
import { TokenRepository } from '../repositories/token.repository.js';
import { type DatabaseOptions, openDatabase } from './open-database.js';

/**
 * A gateway's own connections; they can't write. The schema must be there: a gatekeeper makes it. Each method throws
 * `DatabaseAway` while the database can't be reached.
 */
export function openPostgresReaders(options: DatabaseOptions): Readers {
  const db = openDatabase(options, { readOnly: true });
  return {
    kernels: new KernelRepository(db, options.seal),
    sessions: new SessionRepository(db),
    tokens: new TokenRepository(db),
    inputLog: new InputLogRepository(db),
    close: () => db.destroy(),
  };
}

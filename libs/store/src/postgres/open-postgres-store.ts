import type { Clock } from '#libs/domain';
import { DatabaseAway } from '../database-away.js';
import { migrate } from '../migrations/migrate.js';
import { LeaderRepository } from '../repositories/leader.repository.js';
import { postgresSql } from '../sql-dialect.js';
import { SqlStore } from '../sql-store.js';
import { Deposed, type Store } from '../store.js';
import { LeaderLease } from './leader-lease.js';
import { type DatabaseOptions, openDatabase } from './open-database.js';
import { pipelined } from './pipelined.js';

export interface PostgresStoreOptions extends DatabaseOptions {
  /** Who we are; nobody else may be called so. A service that starts again after a kill does not wait for its own lease. */
  holder: string;
  /** After how long without a word of the leader a standby leads, milliseconds. */
  leaseMs?: number;
  /** Take the lead from a leader that may live: for tests, and for an operator who knows why. */
  force?: boolean;
  /** Ends the wait for the lead. */
  signal?: AbortSignal;
  /** Called once when another leads; each commit throws it too. */
  onDeposed?: (deposed: Deposed) => void;
  inputLogRows?: number;
  clock: Clock;
}

/**
 * Opens the database as its one writer: migrates it, waits for the lead, and keeps it until `close`. The gatekeeper that
 * waits here is the standby. Every commit is flushed by the server before it resolves (its `synchronous_commit` is on).
 *
 * @throws the reason of `signal`; Error with the address that can't be reached; what the server says to a wrong URL or password, or to a schema that is newer than us
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { holder, leaseMs = 3_000, force = false, signal, onDeposed, inputLogRows, clock, seal } = options;
  // A standby waits for the lock of a commit under way: it must be gone before the lease is.
  const db = openDatabase(options, { idleInTransactionMs: leaseMs / 2 });
  const leader = new LeaderRepository(db, postgresSql);
  const lease = new LeaderLease(leader, { holder, leaseMs, clock });
  try {
    await migrate(db, postgresSql);
    const epoch = force ? await leader.take(holder, leaseMs) : await lease.acquire(signal);
    lease.keep(epoch, () => onDeposed?.(new Deposed(epoch)));
    const beforeClose = (): Promise<void> => lease.release(epoch);
    return new SqlStore(db, {
      dialect: postgresSql,
      epoch,
      leaseMs,
      inputLogRows,
      seal,
      within: pipelined,
      beforeClose,
    });
  } catch (error) {
    lease.stop();
    await db.destroy();
    if (!(error instanceof DatabaseAway)) throw error;
    // For who starts a service, not for its callers: with the address.
    throw new Error(`PostgreSQL can’t be reached: ${String((error.cause as Error).message)}`, { cause: error });
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { AuditRow, Kernel, SchedulingDocument } from '#libs/contracts';
import type { Seal } from '#libs/domain';
import { DatabaseAway } from './database-away.js';
import { InboxRepository } from './repositories/inbox.repository.js';
import { InputLogRepository } from './repositories/input-log.repository.js';
import { KernelRepository } from './repositories/kernel.repository.js';
import { LeaderRepository } from './repositories/leader.repository.js';
import { OutboxRepository } from './repositories/outbox.repository.js';
import { SchedulingConfigRepository } from './repositories/scheduling-config.repository.js';
import { SessionRepository } from './repositories/session.repository.js';
import { SharesRepository } from './repositories/shares.repository.js';
import { TokenRepository } from './repositories/token.repository.js';
import type { Schema } from './schema.js';
import type { SqlDialect } from './sql-dialect.js';
import { type Admission, type Batch, Deposed, type OutboxEntry, type Store } from './store.js';
import { together } from './together.js';
import { writeBatch } from './write-batch.js';

export interface SqlStoreOptions {
  dialect: SqlDialect;
  epoch: number;
  /** How long after a commit nobody else takes the lead. */
  leaseMs?: number;
  /** Rows kept of the input log. */
  inputLogRows?: number | undefined;
  /** For the secrets in rows. */
  seal?: Seal | undefined;
  /** Does the work in a transaction; absent: one statement after another. */
  within?: <T>(transaction: Kysely<Schema>, work: (db: Kysely<Schema>) => Promise<T>) => Promise<T>;
  /** Done when everything is written. */
  beforeClose?: () => Promise<void>;
}

/** A transaction up to its COMMIT. */
interface Sent {
  /** The how manieth commit it is, where it is one. */
  number: number;
  entries: OutboxEntry[];
}

const RETRY_MS = 200;

/** The writer over any SQL dialect. */
export class SqlStore implements Store {
  readonly kernels: KernelRepository;
  readonly sessions: SessionRepository;
  readonly tokens: TokenRepository;
  readonly #closed = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly db: Kysely<Schema>,
    private readonly options: SqlStoreOptions,
  ) {
    this.kernels = new KernelRepository(db, options.seal);
    this.sessions = new SessionRepository(db);
    this.tokens = new TokenRepository(db);
  }

  get epoch(): number {
    return this.options.epoch;
  }

  commit(batch: Batch): Promise<OutboxEntry[]> {
    return this.#inTurn((transaction) => writeBatch(transaction, batch, this.options));
  }

  prune(before: number, limit: number): Promise<number> {
    let removed = 0;
    const work = this.#inTurn(async (transaction) => {
      const ended = await new KernelRepository(transaction).removeEnded(before, limit);
      await new SessionRepository(transaction).deleteOf(ended);
      removed = ended.length + (await new TokenRepository(transaction).removeDead(before, limit));
      removed += await new InputLogRepository(transaction).removeOld(before, limit);
      removed += await new InboxRepository(transaction).removeOld(before, limit);
      return [];
    });
    return work.then(() => removed);
  }

  schedulingConfig(): Promise<SchedulingDocument | null> {
    return new SchedulingConfigRepository(this.db).latest();
  }

  audit(limit: number): Promise<AuditRow[]> {
    return new SchedulingConfigRepository(this.db).audit(limit);
  }

  shares(): Promise<{ at: number; shares: unknown } | null> {
    return new SharesRepository(this.db).find();
  }

  alreadyReceived(ids: readonly string[]): Promise<Set<string>> {
    return new InboxRepository(this.db).known(ids);
  }

  livingKernels(): Promise<Kernel[]> {
    return this.kernels.living();
  }

  heldTimes(limit: number): Promise<number[]> {
    return this.kernels.heldTimes(limit);
  }

  admissions(since: number, before: { at: number; id: string } | null, limit: number): Promise<Admission[]> {
    return this.kernels.admissions(since, before, limit);
  }

  startTimes(limit: number): Promise<{ kernelspec: string; ms: number }[]> {
    return this.kernels.startTimes(limit);
  }

  undelivered(): Promise<OutboxEntry[]> {
    return new OutboxRepository(this.db, this.options.seal).list();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#turn;
    await this.options.beforeClose?.();
    await this.db.destroy();
  }

  #inTurn(write: (transaction: Kysely<Schema>) => Promise<OutboxEntry[]>): Promise<OutboxEntry[]> {
    const done = this.#turn.then(() => this.#transact(write));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #transact(write: (transaction: Kysely<Schema>) => Promise<OutboxEntry[]>): Promise<OutboxEntry[]> {
    const { dialect, epoch, leaseMs = 0, within = inTurn } = this.options;
    let sent: Sent | undefined;
    const commit = async (db: Kysely<Schema>): Promise<OutboxEntry[]> => {
      // First of all: a deposed leader waits here, and holds nothing that the other writes.
      const counted = new LeaderRepository(db, dialect).count(epoch, leaseMs).then((number) => {
        if (number === undefined) throw new Deposed(epoch);
        return number;
      });
      const [number, entries] = await together<[number, OutboxEntry[]]>([counted, write(db)]);
      sent = { number, entries };
      return entries;
    };
    try {
      return await this.db.transaction().execute((transaction) => within(transaction, commit));
    } catch (error) {
      if (sent && error instanceof DatabaseAway && (await this.#isWritten(sent, error))) return sent.entries;
      throw error;
    }
  }

  /** Whether a transaction whose COMMIT nobody answered was committed. Waits for the database. */
  async #isWritten({ number }: Sent, error: DatabaseAway): Promise<boolean> {
    const { dialect, epoch, leaseMs = 0 } = this.options;
    for (;;) {
      try {
        // Waits for the transaction, should it still be under way: both write the row of the leader.
        const commits = await new LeaderRepository(this.db, dialect).renew(epoch, leaseMs);
        if (commits === undefined) throw new Deposed(epoch);
        return commits >= number;
      } catch (again) {
        if (!(again instanceof DatabaseAway)) throw again;
        await delay(RETRY_MS, undefined, { signal: this.#closed.signal }).catch(() => {
          throw error;
        });
      }
    }
  }
}

const inTurn: NonNullable<SqlStoreOptions['within']> = (transaction, work) => work(transaction);

import type { Kysely } from 'kysely';
import type { Kernel } from '#libs/contracts';
import { InputLogRepository } from './repositories/input-log.repository.js';
import { KernelRepository } from './repositories/kernel.repository.js';
import { environmentOf, KernelInfoRepository } from './repositories/kernel-info.repository.js';
import { LeaderRepository } from './repositories/leader.repository.js';
import { OutboxRepository } from './repositories/outbox.repository.js';
import { SessionRepository } from './repositories/session.repository.js';
import { TokenRepository } from './repositories/token.repository.js';
import type { Schema } from './schema.js';
import { type Batch, Deposed, type OutboxEntry, type Store } from './store.js';

/** The writer over any SQL dialect. */
export class SqlStore implements Store {
  readonly kernels: KernelRepository;
  readonly sessions: SessionRepository;
  readonly tokens: TokenRepository;

  private constructor(
    private readonly db: Kysely<Schema>,
    readonly epoch: number,
    private readonly inputLogRows: number | undefined,
  ) {
    this.kernels = new KernelRepository(db);
    this.sessions = new SessionRepository(db);
    this.tokens = new TokenRepository(db);
  }

  /** Takes the lead in a migrated database. */
  static async open(db: Kysely<Schema>, inputLogRows?: number): Promise<SqlStore> {
    return new SqlStore(db, await new LeaderRepository(db).take(), inputLogRows);
  }

  async commit(batch: Batch): Promise<OutboxEntry[]> {
    return this.db.transaction().execute(async (transaction) => {
      if (!(await new LeaderRepository(transaction).holds(this.epoch))) throw new Deposed(this.epoch);
      const kernels = new KernelRepository(transaction);
      for (const kernel of batch.kernels) await kernels.save(kernel);
      const infos = new KernelInfoRepository(transaction);
      for (const { of, info } of batch.kernelInfos) await infos.save(environmentOf(of), info);
      const sessions = new SessionRepository(transaction);
      for (const session of batch.sessions) await sessions.save(session);
      for (const id of batch.deletedSessions) await sessions.delete(id);
      for (const id of batch.deletedSessionsOf) await sessions.deleteOf(id);
      const tokens = new TokenRepository(transaction);
      for (const token of batch.tokens) await tokens.save(token);
      if (batch.input) {
        const log = new InputLogRepository(transaction, this.inputLogRows);
        await log.add(this.epoch, batch.input.at, batch.input.events);
      }
      const outbox = new OutboxRepository(transaction);
      for (const seq of batch.delivered) await outbox.remove(seq);
      const entries: OutboxEntry[] = [];
      for (const message of batch.outbox) entries.push(await outbox.add(message));
      return entries;
    });
  }

  async prune(before: number, limit: number): Promise<number> {
    return this.db.transaction().execute(async (transaction) => {
      if (!(await new LeaderRepository(transaction).holds(this.epoch))) throw new Deposed(this.epoch);
      const ended = await new KernelRepository(transaction).removeEnded(before, limit);
      const sessions = new SessionRepository(transaction);
      for (const id of ended) await sessions.deleteOf(id);
      const tokens = await new TokenRepository(transaction).removeDead(before, limit);
      const inputs = await new InputLogRepository(transaction).removeOld(before, limit);
      return ended.length + tokens + inputs;
    });
  }

  livingKernels(): Promise<Kernel[]> {
    return this.kernels.living();
  }

  heldTimes(limit: number): Promise<number[]> {
    return this.kernels.heldTimes(limit);
  }

  undelivered(): Promise<OutboxEntry[]> {
    return new OutboxRepository(this.db).list();
  }

  close(): Promise<void> {
    return this.db.destroy();
  }
}

import type { Kysely } from 'kysely';
import type { Seal } from '#libs/domain';
import { InboxRepository } from './repositories/inbox.repository.js';
import { InputLogRepository } from './repositories/input-log.repository.js';
import { KernelRepository } from './repositories/kernel.repository.js';
import { KernelInfoRepository } from './repositories/kernel-info.repository.js';
import { OutboxRepository } from './repositories/outbox.repository.js';
import { SchedulingConfigRepository } from './repositories/scheduling-config.repository.js';
import { SessionRepository } from './repositories/session.repository.js';
import { SharesRepository } from './repositories/shares.repository.js';
import { TokenRepository } from './repositories/token.repository.js';
import type { Schema } from './schema.js';
import type { Batch, OutboxEntry } from './store.js';
import { together } from './together.js';

/** Writes a batch into a transaction; a database that takes several statements at once gets them so. @returns the outbox entries, numbered */
export async function writeBatch(
  transaction: Kysely<Schema>,
  batch: Batch,
  { epoch, inputLogRows, seal }: { epoch: number; inputLogRows?: number | undefined; seal?: Seal | undefined },
): Promise<OutboxEntry[]> {
  const outbox = new OutboxRepository(transaction, seal);
  const [entries] = await together<[OutboxEntry[], ...unknown[]]>([
    outbox.add(batch.outbox),
    outbox.remove(batch.delivered),
    new KernelRepository(transaction, seal).save(batch.kernels),
    new KernelInfoRepository(transaction).save(batch.kernelInfos),
    writeSessions(new SessionRepository(transaction), batch),
    new TokenRepository(transaction).save(batch.tokens),
    batch.input && new InputLogRepository(transaction, inputLogRows).add(epoch, batch.input),
    batch.scheduling && new SchedulingConfigRepository(transaction).add(batch.scheduling),
    batch.shares && new SharesRepository(transaction).save(batch.shares),
    new InboxRepository(transaction).add(batch.received ?? []),
  ]);
  return entries;
}

/** In this order: one that is saved may be of a kernel that is gone. */
async function writeSessions(sessions: SessionRepository, batch: Batch): Promise<void> {
  await sessions.save(batch.sessions);
  await sessions.delete(batch.deletedSessions);
  await sessions.deleteOf(batch.deletedSessionsOf);
}

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

/** Writes a batch into a transaction. @returns the outbox entries, numbered */
export async function writeBatch(
  transaction: Kysely<Schema>,
  batch: Batch,
  { epoch, inputLogRows, seal }: { epoch: number; inputLogRows?: number | undefined; seal?: Seal | undefined },
): Promise<OutboxEntry[]> {
  await new KernelRepository(transaction, seal).save(batch.kernels);
  await new KernelInfoRepository(transaction).save(batch.kernelInfos);
  const sessions = new SessionRepository(transaction);
  await sessions.save(batch.sessions);
  await sessions.delete(batch.deletedSessions);
  await sessions.deleteOf(batch.deletedSessionsOf);
  await new TokenRepository(transaction).save(batch.tokens);
  if (batch.input) await new InputLogRepository(transaction, inputLogRows).add(epoch, batch.input);
  if (batch.scheduling) await new SchedulingConfigRepository(transaction).add(batch.scheduling);
  if (batch.shares) await new SharesRepository(transaction).save(batch.shares);
  await new InboxRepository(transaction).add(batch.received ?? []);
  const outbox = new OutboxRepository(transaction, seal);
  await outbox.remove(batch.delivered);
  return outbox.add(batch.outbox);
}

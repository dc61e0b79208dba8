import type { Kysely } from 'kysely';
import type { Schema } from '../schema.js';
import type { Destination, Message, OutboxEntry } from '../store.js';

export class OutboxRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  async add(message: Message): Promise<OutboxEntry> {
    const { destination, pattern, payload } = message;
    const { seq } = await this.db
      .insertInto('outbox')
      .values({ destination, pattern, payload: JSON.stringify(payload) })
      .returning('seq')
      .executeTakeFirstOrThrow();
    return { seq, destination, pattern, payload };
  }

  async remove(seq: number): Promise<void> {
    await this.db.deleteFrom('outbox').where('seq', '=', seq).execute();
  }

  async list(): Promise<OutboxEntry[]> {
    const rows = await this.db.selectFrom('outbox').selectAll().orderBy('seq').execute();
    return rows.map(({ destination, payload, ...row }) => ({
      ...row,
      destination: destination as Destination,
      payload: JSON.parse(payload) as OutboxEntry['payload'],
    }));
  }
}

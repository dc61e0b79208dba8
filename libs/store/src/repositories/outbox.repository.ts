import type { Kysely } from 'kysely';
import { type Seal, unsealed } from '#libs/domain';
import type { Schema } from '../schema.js';
import type { Destination, Message, OutboxEntry } from '../store.js';
import { statementsOf } from './upsert.js';

export class OutboxRepository {
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly seal: Seal = unsealed,
  ) {}

  async add(messages: readonly Message[]): Promise<OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    for (const some of statementsOf(messages)) {
      const rows = some.map(({ payload, ...row }) => ({ ...row, payload: this.seal.close(JSON.stringify(payload)) }));
      const made = await this.db.insertInto('outbox').values(rows).returning('seq').execute();
      // Rows are numbered in the order of the values; in which order they come back, neither database promises.
      const numbers = made.map(({ seq }) => seq).sort((one, other) => one - other);
      entries.push(...some.map((message, index) => ({ ...message, seq: numbers[index] as number })));
    }
    return entries;
  }

  async remove(numbers: readonly number[]): Promise<void> {
    for (const some of statementsOf(numbers)) await this.db.deleteFrom('outbox').where('seq', 'in', some).execute();
  }

  async list(): Promise<OutboxEntry[]> {
    const rows = await this.db.selectFrom('outbox').selectAll().orderBy('seq').execute();
    return rows.map(({ destination, payload, ...row }) => ({
      ...row,
      destination: destination as Destination,
      payload: JSON.parse(this.seal.open(payload)) as OutboxEntry['payload'],
    }));
  }
}

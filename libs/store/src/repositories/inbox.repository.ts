import type { Kysely } from 'kysely';
import type { Schema } from '../schema.js';
import type { Batch } from '../store.js';
import { statementsOf, upsert } from './upsert.js';

/** Ids of messages whose effect is written. */
export class InboxRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  async add(received: NonNullable<Batch['received']>): Promise<void> {
    await upsert(this.db, 'inbox', 'id', received);
  }

  async known(ids: readonly string[]): Promise<Set<string>> {
    const known = new Set<string>();
    for (const some of statementsOf(ids)) {
      const rows = await this.db.selectFrom('inbox').select('id').where('id', 'in', some).execute();
      for (const { id } of rows) known.add(id);
    }
    return known;
  }

  async removeOld(before: number, limit: number): Promise<number> {
    const old = this.db.selectFrom('inbox').select('id').where('at', '<', before);
    const { numDeletedRows } = await this.db
      .deleteFrom('inbox')
      .where('id', 'in', old.orderBy('at').limit(limit))
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}

import type { Kysely } from 'kysely';
import type { Schema } from '../schema.js';

/** What the core was given, step by step; enough of it to replay a day, never more than `bound` rows. */
export class InputLogRepository {
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly bound = 100_000,
  ) {}

  async add(epoch: number, at: number, events: readonly unknown[]): Promise<void> {
    const { seq } = await this.db
      .insertInto('input_log')
      .values({ epoch, at, events: JSON.stringify(events) })
      .returning('seq')
      .executeTakeFirstOrThrow();
    await this.db
      .deleteFrom('input_log')
      .where('seq', '<=', seq - this.bound)
      .execute();
  }

  async removeOld(before: number, limit: number): Promise<number> {
    const old = this.db.selectFrom('input_log').select('seq').where('at', '<', before);
    const { numDeletedRows } = await this.db
      .deleteFrom('input_log')
      .where('seq', 'in', old.orderBy('seq').limit(limit))
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}

import type { Kysely } from 'kysely';
import type { Schema } from '../schema.js';

/** Past use, as the core last said; one row. */
export class SharesRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  async find(): Promise<{ at: number; shares: unknown } | null> {
    const row = await this.db.selectFrom('shares').selectAll().where('id', '=', 1).executeTakeFirst();
    return row ? { at: Number(row.at), shares: JSON.parse(row.shares) } : null;
  }

  async save({ at, shares }: { at: number; shares: unknown }): Promise<void> {
    const row = { at, shares: JSON.stringify(shares) };
    const insert = this.db.insertInto('shares').values({ id: 1, ...row });
    await insert.onConflict((conflict) => conflict.column('id').doUpdateSet(row)).execute();
  }
}

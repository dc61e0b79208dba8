import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What the scheduler was asked of a kernel and made of it; what past use counts. */
export const places: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const kernels = db.schema.alterTable('kernels');
    await kernels.addColumn('scheduling', 'text', (c) => c.notNull().defaultTo('{}')).execute();
    await db.schema
      .createTable('shares')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('shares', 'text', (c) => c.notNull())
      .execute();
  },
};

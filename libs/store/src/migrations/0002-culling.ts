import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const culling: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const kernels = db.schema.alterTable('kernels');
    await kernels.addColumn('culling', 'text', (c) => c.notNull().defaultTo('{}')).execute();
    await kernels.addColumn('ending', 'text').execute();
  },
};

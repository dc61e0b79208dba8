import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const incarnations: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const kernels = db.schema.alterTable('kernels');
    await kernels.addColumn('incarnation', 'integer', (c) => c.notNull().defaultTo(0)).execute();
  },
};

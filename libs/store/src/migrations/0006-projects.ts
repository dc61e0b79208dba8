import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const projects: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('kernels').addColumn('project', 'text').execute();
  },
};

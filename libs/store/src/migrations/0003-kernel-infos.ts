import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const kernelInfos: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('kernel_infos')
      .addColumn('environment', 'text', (c) => c.primaryKey())
      .addColumn('info', 'text', (c) => c.notNull())
      .execute();
  },
};

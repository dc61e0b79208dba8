import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Each version of the configuration of scheduling, with who made it of the one before and how: the audit log, too. */
export const schedulingConfig: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('scheduling_config')
      .addColumn('version', 'integer', (c) => c.primaryKey())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('action', 'text', (c) => c.notNull())
      .addColumn('changes', 'text', (c) => c.notNull())
      .addColumn('config', 'text', (c) => c.notNull())
      .execute();
  },
};

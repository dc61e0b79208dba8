import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const leaseAndInbox: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const leader = db.schema.alterTable('leader');
    await leader.addColumn('holder', 'text', (c) => c.notNull().defaultTo('')).execute();
    await leader.addColumn('expires_at', 'bigint', (c) => c.notNull().defaultTo(0)).execute();
    await leader.addColumn('commits', 'bigint', (c) => c.notNull().defaultTo(0)).execute();
    await db.schema
      .createTable('inbox')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('inbox_at').on('inbox').column('at').execute();
  },
};

import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The state that a step began with, once in a while: what is read of the log begins there. */
export const inputLogOrigins: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('input_log').addColumn('origin', 'text').execute();
    await db.schema
      .createIndex('input_log_origins')
      .on('input_log')
      .columns(['seq', 'at'])
      .where('origin' as never, 'is not', null)
      .execute();
  },
};

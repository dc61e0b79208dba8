import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Where the beam came from that a kernel is counted to. */
export const instruments: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('kernels').addColumn('instrument', 'text').execute();
  },
};

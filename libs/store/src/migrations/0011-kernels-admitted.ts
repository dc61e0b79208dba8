import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What was admitted lately is asked for each hour; the rows of a month must not be walked for that. */
export const kernelsAdmitted: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.createIndex('kernels_admitted').on('kernels').columns(['admitted_at', 'id']).execute();
  },
};

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { SqlDialect } from '../sql-dialect.js';

export const start = ({ serial }: SqlDialect): Migration => ({
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('kernels')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('revision', 'integer', (c) => c.notNull())
      .addColumn('owner', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('token_id', 'text')
      .addColumn('kernelspec', 'text', (c) => c.notNull())
      .addColumn('priority_class', 'text', (c) => c.notNull())
      .addColumn('requests', 'text', (c) => c.notNull())
      .addColumn('launch', 'text', (c) => c.notNull())
      .addColumn('phase', 'text', (c) => c.notNull())
      .addColumn('end_reason', 'text')
      .addColumn('detail', 'text', (c) => c.notNull())
      .addColumn('execution_state', 'text', (c) => c.notNull())
      .addColumn('submitted_at', 'bigint', (c) => c.notNull())
      .addColumn('admitted_at', 'bigint')
      .addColumn('ready_at', 'bigint')
      .addColumn('ended_at', 'bigint')
      .addColumn('last_activity_at', 'bigint', (c) => c.notNull())
      .addColumn('endpoint', 'text')
      .execute();
    // Lists show what lives and what ended lately; years of ended rows must not be walked for that.
    await db.schema
      .createIndex('kernels_living')
      .on('kernels')
      .columns(['submitted_at', 'id'])
      .where(sql.ref('ended_at'), 'is', null)
      .execute();
    await db.schema.createIndex('kernels_ended').on('kernels').column('ended_at').execute();

    await db.schema
      .createTable('sessions')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('owner', 'text', (c) => c.notNull())
      .addColumn('path', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('kernel_id', 'text', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('sessions_owner').on('sessions').column('owner').execute();
    await db.schema.createIndex('sessions_kernel').on('sessions').column('kernel_id').execute();

    await db.schema
      .createTable('tokens')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('user_name', 'text', (c) => c.notNull())
      .addColumn('scopes', 'text', (c) => c.notNull())
      .addColumn('groups', 'text', (c) => c.notNull())
      .addColumn('act_as', 'text', (c) => c.notNull())
      .addColumn('note', 'text', (c) => c.notNull())
      .addColumn('created_by', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('revoked_at', 'bigint')
      .execute();

    await db.schema
      .createTable('outbox')
      .addColumn('seq', serial.type, serial.build)
      .addColumn('destination', 'text', (c) => c.notNull())
      .addColumn('pattern', 'text', (c) => c.notNull())
      .addColumn('payload', 'text', (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('input_log')
      .addColumn('seq', serial.type, serial.build)
      .addColumn('epoch', 'integer', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('events', 'text', (c) => c.notNull())
      .execute();

    await db.schema
      .createTable('leader')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('epoch', 'integer', (c) => c.notNull())
      .execute();
    await sql`insert into leader (id, epoch) values (1, 0)`.execute(db);
  },
});

import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Schema } from '../schema.js';
import type { SqlDialect } from '../sql-dialect.js';
import { start } from './0001-start.js';
import { culling } from './0002-culling.js';
import { kernelInfos } from './0003-kernel-infos.js';
import { leaseAndInbox } from './0004-lease-and-inbox.js';
import { incarnations } from './0005-incarnations.js';
import { projects } from './0006-projects.js';
import { places } from './0007-places.js';
import { schedulingConfig } from './0008-scheduling-config.js';
import { instruments } from './0009-instruments.js';
import { inputLogOrigins } from './0010-input-log-origins.js';
import { kernelsAdmitted } from './0011-kernels-admitted.js';

/** By name, in order; a migration that was ever released is never edited. */
const migrations = (dialect: SqlDialect): Record<string, Migration> => ({
  '0001-start': start(dialect),
  '0002-culling': culling,
  '0003-kernel-infos': kernelInfos,
  '0004-lease-and-inbox': leaseAndInbox,
  '0005-incarnations': incarnations,
  '0006-projects': projects,
  '0007-places': places,
  '0008-scheduling-config': schedulingConfig,
  '0009-instruments': instruments,
  '0010-input-log-origins': inputLogOrigins,
  '0011-kernels-admitted': kernelsAdmitted,
});

/** Brings the schema up to date. @throws when a migration fails, or the database is newer than this program */
export async function migrate(db: Kysely<Schema>, dialect: SqlDialect): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations(dialect) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

import { Kysely, PostgresDialect } from 'kysely';
import type { Seal } from '#libs/domain';
import type { Schema } from '../schema.js';
import { openPool, type PoolOptions } from './postgres-pool.js';

/** Where the database is, and how it is spoken to. */
export type DatabaseOptions = Pick<PoolOptions, 'url'> &
  Partial<Pick<PoolOptions, 'connections' | 'timeoutMs' | 'tls'>> & {
    /** For the secrets in rows. */
    seal?: Seal;
  };

/** Nothing is connected before the first statement. */
export const openDatabase = (
  { url, tls, connections = 10, timeoutMs = 10_000 }: DatabaseOptions,
  more: Pick<PoolOptions, 'readOnly' | 'idleInTransactionMs'>,
): Kysely<Schema> =>
  new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: () => openPool({ url, tls, connections, timeoutMs, ...more }) }),
  });

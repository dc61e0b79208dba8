import { type ColumnDefinitionBuilder, type RawBuilder, sql } from 'kysely';

/** All in which the databases differ for migrations and repositories; the rest of the SQL is the same text for both. */
export interface SqlDialect {
  /** A primary key that the database counts up, never the same number twice. */
  readonly serial: { type: 'integer' | 'bigserial'; build(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder };
  /** Milliseconds since the epoch by the clock of the database, the one clock that all writers share. */
  readonly now: RawBuilder<number>;
}

export const sqliteSql: SqlDialect = {
  serial: { type: 'integer', build: (column) => column.primaryKey().autoIncrement() },
  now: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
};

export const postgresSql: SqlDialect = {
  serial: { type: 'bigserial', build: (column) => column.primaryKey() },
  // Not now(): that is when the transaction began.
  now: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
};

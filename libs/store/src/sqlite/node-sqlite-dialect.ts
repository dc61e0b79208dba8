import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { SqliteDialect, type SqliteStatement } from 'kysely';

/** Statements kept prepared; ours are few, and kysely compiles each shape to the same text. */
const PREPARED = 200;

/** Lets kysely's SQLite dialect, made for better-sqlite3, run on Node's own SQLite. */
export function nodeSqliteDialect(database: DatabaseSync): SqliteDialect {
  const prepared = new Map<string, SqliteStatement>();
  return new SqliteDialect({
    database: {
      close: () => {
        prepared.clear();
        database.close();
      },
      prepare: (text) => {
        let statement = prepared.get(text);
        if (!statement) {
          if (prepared.size >= PREPARED) prepared.clear();
          statement = adapt(database.prepare(text));
          prepared.set(text, statement);
        }
        return statement;
      },
    },
  });
}

function adapt(statement: StatementSync): SqliteStatement {
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  };
}

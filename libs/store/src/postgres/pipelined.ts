import {
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import type { Schema } from '../schema.js';

class OneConnection extends DummyDriver {
  constructor(private readonly connection: DatabaseConnection) {
    super();
  }

  override acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.connection);
  }
}

const known = new WeakMap<DatabaseConnection, Kysely<Schema>>();

function over(connection: DatabaseConnection): Kysely<Schema> {
  const present = known.get(connection);
  if (present) return present;
  const made = new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new OneConnection(connection),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  known.set(connection, made);
  return made;
}

/**
 * Does the work in the transaction, with statements going to the server as they are begun: in a transaction kysely itself sends
 * each when the one before it has been answered.
 */
export const pipelined = <T>(transaction: Kysely<Schema>, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> =>
  transaction.getExecutor().provideConnection((connection) => work(over(connection)));

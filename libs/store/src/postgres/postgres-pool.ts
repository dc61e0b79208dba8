import { createHash } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { DatabaseAway } from '../database-away.js';
import { isConnectionLoss } from './connection-loss.js';

export interface PoolOptions {
  /** `postgresql://user:password@host:port/database?sslmode=…` */
  url: string;
  /** Of `tls.connect`: as `sslmode=verify-full`, whatever the URL says of it. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> | undefined;
  /** Connections at most. */
  connections: number;
  /** How long a connection, a statement and its answer may each take, milliseconds. */
  timeoutMs: number;
  /**
   * The server ends a transaction that says nothing for so long, milliseconds. Behind a network that parted it would keep
   * its locks for hours.
   */
  idleInTransactionMs?: number;
  /** The server refuses every write. */
  readOnly?: boolean;
}

const INT8 = 20;
/** Statements kept prepared on each connection; ours are few, and kysely compiles each shape to the same text. */
const PREPARED = 200;

/**
 * Connections for kysely, opened when they are first needed. Statements with parameters are prepared. Numbers of 64 bits
 * come back as numbers (ours are below 2^53), and U+0000, which text here can't hold, is stored as U+FFFD.
 *
 * @throws DatabaseAway from each statement while the database can't be reached
 */
export async function openPool(given: PoolOptions): Promise<PostgresPool> {
  const { url, tls, connections, timeoutMs, idleInTransactionMs = timeoutMs, readOnly = false } = given;
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: tls ? withoutSslMode(url) : url,
    ...(tls ? { ssl: { ...tls } } : {}),
    max: connections,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    idle_in_transaction_session_timeout: Math.max(1, Math.round(idleInTransactionMs)),
    query_timeout: timeoutMs * 2,
    // What is asked together goes there together.
    pipeline: true,
    keepAlive: true,
    application_name: 'beamgate',
    options: readOnly ? '-c default_transaction_read_only=on' : undefined,
    types: { getTypeParser: (id, format) => (id === INT8 ? Number : pg.types.getTypeParser(id, format as 'text')) },
  });
  // Of connections that nobody uses just then; the pool has dropped it already.
  pool.on('error', () => undefined);
  return { connect: () => connect(pool), end: () => pool.end(), options: pool.options as object };
}

/** What the URL says of TLS would count before all else. */
function withoutSslMode(url: string): string {
  const parsed = new URL(url);
  for (const name of [...parsed.searchParams.keys()])
    if (/^(ssl|uselibpq)/.test(name)) parsed.searchParams.delete(name);
  return parsed.href;
}

const clients = new WeakMap<PoolClient, PreparedClient>();

async function connect(pool: Pool): Promise<PostgresPoolClient> {
  const client = await pool.connect().catch((error: unknown) => {
    throw isConnectionLoss(error) ? new DatabaseAway(error) : error;
  });
  const known = clients.get(client) ?? new PreparedClient(client);
  clients.set(client, known);
  return known;
}

class PreparedClient implements PostgresPoolClient {
  readonly #names = new Map<string, string>();
  #lost = false;

  constructor(private readonly client: PoolClient) {
    // The statement under way is rejected too, and that is where it is dealt with.
    client.on('error', () => {
      this.#lost = true;
    });
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query(cursor: never): never;
  async query<R>(text: string, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<R>> {
    const name = parameters.length > 0 ? this.#nameOf(text) : undefined;
    try {
      const result = await this.client.query({ text, values: parameters.map(storable), ...(name ? { name } : {}) });
      return result as unknown as PostgresQueryResult<R>;
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      this.#lost = true;
      throw new DatabaseAway(error);
    }
  }

  release(discard = false): void {
    this.client.release(discard || this.#lost);
  }

  /** Undefined where there are many already: a statement that is not prepared costs a little, one kept for ever leaks. */
  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= PREPARED) return known;
    const name = createHash('sha1').update(text).digest('base64url');
    this.#names.set(text, name);
    return name;
  }
}

const storable = (value: unknown): unknown =>
  typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;

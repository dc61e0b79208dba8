import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Schema } from '../schema.js';
import type { SqlDialect } from '../sql-dialect.js';

/** Whose commits count: that of the highest epoch. The lease only says when another may take the lead unasked. */
export class LeaderRepository {
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly dialect: SqlDialect,
  ) {}

  /** Takes the lead from whoever has it. @returns the new epoch */
  async take(holder: string, leaseMs: number): Promise<number> {
    const { epoch } = await this.#taking(holder, leaseMs).executeTakeFirstOrThrow();
    return epoch;
  }

  /** Takes the lead where no lease of another is running. @returns the new epoch; undefined where one is */
  async takeIfFree(holder: string, leaseMs: number): Promise<number | undefined> {
    const free = this.#taking(holder, leaseMs).where((e) =>
      e.or([e('expires_at', '<=', this.dialect.now), e('holder', '=', holder)]),
    );
    return (await free.executeTakeFirst())?.epoch;
  }

  /** How long the running lease has yet, milliseconds, ≤ 0 when none is running; and whose it is. */
  async lease(): Promise<{ holder: string; remainingMs: number }> {
    const { holder, expires_at, now } = await this.db
      .selectFrom('leader')
      .select(['holder', 'expires_at', this.dialect.now.as('now')])
      .where('id', '=', 1)
      .executeTakeFirstOrThrow();
    return { holder, remainingMs: expires_at - now };
  }

  /**
   * Counts a commit of `epoch` and renews its lease. Writes the row, so that within a transaction nobody can take the
   * lead between this and the commit.
   *
   * @returns the number of the commit; undefined where another leads
   */
  async count(epoch: number, leaseMs: number): Promise<number | undefined> {
    const row = await this.db
      .updateTable('leader')
      .set((e) => ({ commits: e('commits', '+', 1), expires_at: this.#until(leaseMs) }))
      .where('id', '=', 1)
      .where('epoch', '=', epoch)
      .returning('commits')
      .executeTakeFirst();
    return row?.commits;
  }

  /** Renews the lease, 0 ms ends it. @returns the commits so far; undefined where another leads */
  async renew(epoch: number, leaseMs: number): Promise<number | undefined> {
    const row = await this.db
      .updateTable('leader')
      .set({ expires_at: this.#until(leaseMs) })
      .where('id', '=', 1)
      .where('epoch', '=', epoch)
      .returning('commits')
      .executeTakeFirst();
    return row?.commits;
  }

  #taking(holder: string, leaseMs: number) {
    return this.db
      .updateTable('leader')
      .set((e) => ({ epoch: e('epoch', '+', 1), holder, expires_at: this.#until(leaseMs) }))
      .where('id', '=', 1)
      .returning('epoch');
  }

  #until(leaseMs: number): RawBuilder<number> {
    return sql<number>`${this.dialect.now} + ${sql.lit(Math.round(leaseMs))}`;
  }
}

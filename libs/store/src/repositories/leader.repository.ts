import type { Kysely } from 'kysely';
import type { Schema } from '../schema.js';

/** Whose commits count: that of the highest epoch. */
export class LeaderRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  /** Takes the lead. @returns the new epoch */
  async take(): Promise<number> {
    const { epoch } = await this.db
      .updateTable('leader')
      .set((e) => ({ epoch: e('epoch', '+', 1) }))
      .where('id', '=', 1)
      .returning('epoch')
      .executeTakeFirstOrThrow();
    return epoch;
  }

  /**
   * Whether `epoch` still leads. Writes the row, so that within a transaction nobody can take the lead between this and
   * the commit.
   */
  async holds(epoch: number): Promise<boolean> {
    const { numUpdatedRows } = await this.db
      .updateTable('leader')
      .set({ epoch })
      .where('id', '=', 1)
      .where('epoch', '=', epoch)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }
}

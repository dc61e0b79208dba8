import type { Kysely, Selectable } from 'kysely';
import { type KernelId, SessionRow } from '#libs/contracts';
import type { SessionReader } from '../readers.js';
import type { Schema, SessionTable } from '../schema.js';

export class SessionRepository implements SessionReader {
  constructor(private readonly db: Kysely<Schema>) {}

  async find(id: string): Promise<SessionRow | undefined> {
    const row = await this.db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
    return row && sessionOf(row);
  }

  async listOwned(owner: string): Promise<SessionRow[]> {
    const rows = await this.db.selectFrom('sessions').selectAll().where('owner', '=', owner).orderBy('id').execute();
    return rows.map(sessionOf);
  }

  async save({ id, kernelId, ...rest }: SessionRow): Promise<void> {
    const columns = { ...rest, kernel_id: kernelId };
    await this.db
      .insertInto('sessions')
      .values({ id, ...columns })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
      .execute();
  }

  async delete(id: string): Promise<void> {
    await this.db.deleteFrom('sessions').where('id', '=', id).execute();
  }

  async deleteOf(kernelId: KernelId): Promise<void> {
    await this.db.deleteFrom('sessions').where('kernel_id', '=', kernelId).execute();
  }
}

const sessionOf = ({ kernel_id, ...row }: Selectable<SessionTable>): SessionRow =>
  SessionRow.parse({ ...row, kernelId: kernel_id });

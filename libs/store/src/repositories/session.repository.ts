import type { Kysely, Selectable } from 'kysely';
import { type KernelId, SessionRow } from '#libs/contracts';
import type { SessionReader } from '../readers.js';
import type { Schema, SessionTable } from '../schema.js';
import { statementsOf, upsert } from './upsert.js';

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

  async save(sessions: readonly SessionRow[]): Promise<void> {
    const rows = sessions.map(({ kernelId, ...row }) => ({ ...row, kernel_id: kernelId }));
    await upsert(this.db, 'sessions', 'id', rows);
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const some of statementsOf(ids)) await this.db.deleteFrom('sessions').where('id', 'in', some).execute();
  }

  async deleteOf(kernelIds: readonly KernelId[]): Promise<void> {
    for (const some of statementsOf(kernelIds))
      await this.db.deleteFrom('sessions').where('kernel_id', 'in', some).execute();
  }
}

const sessionOf = ({ kernel_id, ...row }: Selectable<SessionTable>): SessionRow =>
  SessionRow.parse({ ...row, kernelId: kernel_id });

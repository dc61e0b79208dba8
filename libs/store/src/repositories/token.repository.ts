import type { Kysely, Selectable } from 'kysely';
import { TokenRow } from '#libs/contracts';
import type { TokenReader } from '../readers.js';
import type { Schema, TokenTable } from '../schema.js';
import { upsert } from './upsert.js';

export class TokenRepository implements TokenReader {
  constructor(private readonly db: Kysely<Schema>) {}

  async find(id: string): Promise<TokenRow | undefined> {
    const row = await this.db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
    return row && tokenOf(row);
  }

  async list(): Promise<TokenRow[]> {
    const rows = await this.db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute();
    return rows.map(tokenOf);
  }

  async save(tokens: readonly TokenRow[]): Promise<void> {
    await upsert(this.db, 'tokens', 'id', tokens.map(rowOf));
  }

  /** Those that nobody can use any more. A revoked token stays refused: it is one that was not recorded. */
  async removeDead(before: number, limit: number): Promise<number> {
    const dead = this.db
      .selectFrom('tokens')
      .select('id')
      .where((e) => e.or([e('expires_at', '<', before), e('revoked_at', '<', before)]));
    const { numDeletedRows } = await this.db
      .deleteFrom('tokens')
      .where('id', 'in', dead.orderBy('created_at').limit(limit))
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}

const rowOf = (token: TokenRow): TokenTable => ({
  id: token.id,
  user_name: token.user,
  scopes: JSON.stringify(token.scopes),
  groups: JSON.stringify(token.groups),
  act_as: JSON.stringify(token.actAs),
  note: token.note,
  created_by: token.createdBy,
  created_at: token.createdAt,
  expires_at: token.expiresAt,
  revoked_at: token.revokedAt,
});

const tokenOf = (row: Selectable<TokenTable>): TokenRow =>
  TokenRow.parse({
    id: row.id,
    user: row.user_name,
    scopes: JSON.parse(row.scopes),
    groups: JSON.parse(row.groups),
    actAs: JSON.parse(row.act_as),
    note: row.note,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  });

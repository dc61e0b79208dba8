import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { Conflict, GatekeeperEvents, NotFound, type TokenRow } from '#libs/contracts';
import { Writer } from '../writer/writer.js';

/** Which tokens of the built-in issuer there are; the tokens themselves are kept nowhere. */
@Injectable()
export class TokensService {
  constructor(private readonly writer: Writer) {}

  create(token: TokenRow): Promise<TokenRow> {
    return this.writer.command(async (draft) => {
      const existing = await draft.token(token.id);
      if (existing && !isDeepStrictEqual(existing, token)) throw new Conflict(`The token id ${token.id} is taken.`);
      if (!existing) draft.changes.tokens.set(token.id, token);
      return () => token;
    });
  }

  /** A second call gives the first time. */
  revoke(id: string): Promise<TokenRow> {
    return this.writer.command(async (draft) => {
      const token = await draft.token(id);
      if (!token) throw new NotFound(`There is no token ${id}.`);
      if (token.revokedAt !== null) return () => token;
      const revoked = { ...token, revokedAt: draft.now };
      draft.changes.tokens.set(id, revoked);
      draft.tell({
        destination: 'gateways',
        pattern: GatekeeperEvents.tokenRevoked.pattern,
        payload: { id, at: draft.now },
      });
      return () => revoked;
    });
  }
}

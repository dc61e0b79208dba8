import { Inject, Injectable } from '@nestjs/common';
import { BuiltInIssuer } from '#libs/auth';
import {
  type CreateTokenBody,
  Forbidden,
  GatekeeperCommands,
  type Identity,
  NotFound,
  type TokenRow,
} from '#libs/contracts';
import { LOG, type Log } from '#libs/platform';
import { TOKEN_READER, type TokenReader } from '#libs/store';
import { GATEKEEPER, type Gatekeeper } from '../ports.js';

const isAdmin = ({ scopes }: Identity): boolean => scopes.includes('admin');

/** The first thing that a caller who is no admin asks for beyond what its own token grants. */
const excess = (identity: Identity, wish: CreateTokenBody): string | undefined => {
  const beyond = (asked: readonly string[], own: readonly string[]) => asked.find((one) => !own.includes(one));
  const scope = beyond(wish.scopes, identity.scopes);
  const group = beyond(wish.groups, identity.groups);
  const actAs = identity.actAs.includes('*') ? undefined : beyond(wish.actAs, identity.actAs);
  if (scope !== undefined) return `the scope ${scope}`;
  if (group !== undefined) return `the group ${group}`;
  return actAs === undefined ? undefined : `act-as for ${actAs}`;
};

/** Tokens of the built-in issuer. */
@Injectable()
export class TokensService {
  constructor(
    private readonly issuer: BuiltInIssuer,
    @Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper,
    @Inject(TOKEN_READER) private readonly tokens: TokenReader,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /**
   * An admin makes tokens for anyone; others for themselves, with no more than their own token grants.
   * @throws Forbidden naming what is too much
   */
  async create(identity: Identity, body: CreateTokenBody): Promise<TokenRow & { token: string }> {
    const user = body.user ?? identity.user;
    if (!isAdmin(identity)) {
      if (user !== identity.user) throw new Forbidden('Tokens for others are for admins to make.');
      const more = excess(identity, body);
      if (more !== undefined) throw new Forbidden(`Your own token does not grant ${more}.`);
      this.#notLonger(identity, body);
    }
    const { scopes, groups, actAs, note, ttlSeconds } = body;
    const wish = { user, scopes, groups, actAs, note, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
    const { token, row } = await this.issuer.issueToken(wish, identity.user, (made) =>
      this.gatekeeper.send(GatekeeperCommands.createToken, made),
    );
    this.log.info({ tokenId: row.id, of: row.user, scopes: row.scopes }, 'token made');
    return { ...row, token };
  }

  /** All for an admin, else the caller's own. */
  async list(identity: Identity): Promise<TokenRow[]> {
    const rows = await this.tokens.list();
    return isAdmin(identity) ? rows : rows.filter((row) => row.user === identity.user);
  }

  /** @throws NotFound where there is none that the caller may see */
  async revoke(identity: Identity, id: string): Promise<void> {
    const row = await this.tokens.find(id);
    if (!row || !(isAdmin(identity) || row.user === identity.user)) throw new NotFound('There is no such token.');
    await this.gatekeeper.send(GatekeeperCommands.revokeToken, { id });
    this.log.info({ tokenId: id, of: row.user }, 'token revoked');
  }

  /** A token that ends must not make one that outlives it. */
  #notLonger({ expiresAt }: Identity, { ttlSeconds }: CreateTokenBody): void {
    if (expiresAt === undefined) return;
    if (ttlSeconds === undefined || Date.now() + ttlSeconds * 1000 > expiresAt)
      throw new Forbidden(`Your own token ends at ${new Date(expiresAt).toISOString()}; ask for a shorter ttlSeconds.`);
  }
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { JwtPayload } from 'jsonwebtoken';
import { Identity, type Scope, Unauthenticated } from '#libs/contracts';
import { type Config, localUser } from '#libs/platform';
import { BUILT_IN_ISSUER, type BuiltInIssuer } from './built-in-issuer.js';
import { remoteKeys } from './issuer-keys.js';
import { jwtVerifier, type VerifyJwt } from './jwt-verifier.js';
import { refuseOtherSites } from './other-sites.js';
import { type RequestLike, tokenFromRequest } from './token-from-request.js';
import type { TokenStatus } from './token-status.js';

interface TrustedIssuer {
  verify: VerifyJwt;
  identityOf(claims: JwtPayload): Identity | Promise<Identity>;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

const lifetime = ({ jti, exp }: JwtPayload): Pick<Identity, 'tokenId' | 'expiresAt'> => ({
  ...(jti === undefined ? {} : { tokenId: jti }),
  ...(exp === undefined ? {} : { expiresAt: exp * 1000 }),
});

const userFrom = (claims: JwtPayload, claim: string): string => {
  const user = Identity.shape.user.safeParse(claims[claim]);
  if (!user.success || /\p{Cc}/u.test(user.data))
    throw new Unauthenticated(`The token names no user: its claim \`${claim}\` is missing or no name.`);
  return user.data;
};

/** Who calls, by the token of the request alone: the one judge of HTTP requests and WebSocket upgrades. */
export class Authenticator {
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly #staticDigest: Buffer | undefined;

  constructor(
    private readonly config: Config['auth'],
    builtIn: BuiltInIssuer,
    private readonly tokens: TokenStatus,
    /** How often at most an issuer's keys are read again, in milliseconds. */
    keyCooldownMs?: number,
  ) {
    this.#staticDigest = config.staticToken === '' ? undefined : digest(config.staticToken);
    this.#issuers = new Map([
      [BUILT_IN_ISSUER, this.#ourIssuer(builtIn)],
      ...config.issuers.map((issuer) => [issuer.issuer, this.#oidcIssuer(issuer, keyCooldownMs)] as const),
    ]);
  }

  /**
   * @throws Unauthenticated saying which check failed; Forbidden for pages of other sites where every caller is trusted;
   *   Unavailable where the issuer's keys can't be read
   */
  async authenticate(request: RequestLike): Promise<Identity> {
    if (this.config.mode === 'none') {
      refuseOtherSites(request);
      return { user: localUser(), scopes: ['kernels', 'admin'], groups: [], actAs: [] };
    }
    const token = tokenFromRequest(request);
    if (token === undefined)
      throw new Unauthenticated('No token: send `Authorization: Bearer TOKEN` or `?token=TOKEN`.');
    if (this.#staticDigest && timingSafeEqual(digest(token), this.#staticDigest)) return this.#staticIdentity();
    const issuer = this.#issuerOf(token);
    return issuer.identityOf(await issuer.verify(token));
  }

  /** Told by the gatekeeper's event. */
  tokenRevoked(id: string): void {
    this.tokens.tokenRevoked(id);
  }

  #staticIdentity(): Identity {
    const { staticTokenUser: user, staticTokenActAs } = this.config;
    return { user, scopes: ['kernels'], groups: [], actAs: [...staticTokenActAs] };
  }

  /** By the unproven `iss`; the issuer's own key and rules then prove it. */
  #issuerOf(token: string): TrustedIssuer {
    let claims: JwtPayload;
    try {
      decodeProtectedHeader(token);
      claims = decodeJwt(token);
    } catch {
      throw new Unauthenticated('The token is malformed: it is no JWT, nor the shared token.');
    }
    const issuer = this.#issuers.get(String(claims.iss));
    if (!issuer) throw new Unauthenticated('The token has the wrong issuer; it is not one that is trusted here.');
    return issuer;
  }

  #ourIssuer(builtIn: BuiltInIssuer): TrustedIssuer {
    const verify = jwtVerifier({
      issuer: BUILT_IN_ISSUER,
      audience: this.config.audience,
      clockToleranceSeconds: this.config.clockToleranceSeconds,
      keyOf: async () => builtIn.publicKey,
    });
    const identityOf = async (claims: JwtPayload): Promise<Identity> => {
      const { user, scopes, groups, actAs } = await this.tokens.check(claims.jti ?? '');
      return { user, scopes: [...scopes], groups: [...groups], actAs: [...actAs], ...lifetime(claims) };
    };
    return { verify, identityOf };
  }

  #oidcIssuer(trusted: Config['auth']['issuers'][number], keyCooldownMs: number | undefined): TrustedIssuer {
    const verify = jwtVerifier({
      issuer: trusted.issuer,
      audience: trusted.audience ?? this.config.audience,
      clockToleranceSeconds: this.config.clockToleranceSeconds,
      keyOf: remoteKeys(trusted.issuer, trusted.jwksUri, keyCooldownMs),
    });
    const identityOf = (claims: JwtPayload): Identity => {
      const user = userFrom(claims, trusted.userClaim);
      const groups = strings(claims[trusted.groupsClaim]);
      const admin = trusted.adminGroups.some((group) => groups.includes(group));
      const scopes: Scope[] = admin ? ['kernels', 'admin'] : ['kernels'];
      const actAs = Object.hasOwn(trusted.actAs, user) ? [...(trusted.actAs[user] ?? [])] : [];
      return { user, scopes, groups, actAs, ...lifetime(claims) };
    };
    return { verify, identityOf };
  }
}

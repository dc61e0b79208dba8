import { createPrivateKey, createPublicKey, type KeyObject, randomUUID, type webcrypto } from 'node:crypto';
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Scope, TokenRow } from '#libs/contracts';

/** `iss` of the tokens that Beamgate makes itself. */
export const BUILT_IN_ISSUER = 'beamgate';
const ALGORITHM = 'ES256';
const CURVE = 'P-256';

/** What a new token shall allow. */
export interface TokenWish {
  user: string;
  scopes: readonly Scope[];
  groups?: readonly string[];
  actAs?: readonly string[];
  /** For people: what it is for. */
  note?: string;
  /** Seconds from now; without it the token does not expire. */
  ttlSeconds?: number;
}

const makeKey = async (path: string): Promise<void> => {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const named = { ...jwk, alg: ALGORITHM, kid: await calculateJwkThumbprint(jwk) };
  const temporary = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(temporary, JSON.stringify(named), { mode: 0o600, flush: true });
  // A link fails where the file is there: of two first starts at once, one key wins, and never half of one.
  await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(temporary);
};

const readKey = async (path: string): Promise<JWK> => {
  const text = await readFile(path, 'utf8');
  await chmod(path, 0o600);
  return JSON.parse(text) as JWK;
};

/** Makes and proves the tokens of installations that have no identity provider. */
export class BuiltInIssuer {
  private constructor(
    private readonly key: JWK,
    private readonly audience: string,
    /** What its tokens are verified with. */
    readonly publicKey: KeyObject,
  ) {}

  /** Reads the key pair in `keys/issuer.json` of the data folder; the first start makes it. */
  static async open(dataFolder: string, audience: string): Promise<BuiltInIssuer> {
    const path = join(dataFolder, 'keys', 'issuer.json');
    const key = await readKey(path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await makeKey(path);
      return readKey(path);
    });
    return BuiltInIssuer.#of(key, audience);
  }

  /** @throws Error with the file's name where it holds no private key of the curve P-256 */
  static async fromPem(path: string, audience: string): Promise<BuiltInIssuer> {
    try {
      const jwk = await exportJWK(createPrivateKey(await readFile(path)));
      if (jwk.crv !== CURVE) throw new Error(`its curve is ${jwk.crv ?? 'none'}, not ${CURVE}`);
      return BuiltInIssuer.#of({ ...jwk, alg: ALGORITHM, kid: await calculateJwkThumbprint(jwk) }, audience);
    } catch (cause) {
      throw new Error(`auth.signingKeyFile: ${path} is no private key: ${(cause as Error).message}`, { cause });
    }
  }

  static #of(key: JWK, audience: string): BuiltInIssuer {
    const { d: _secret, ...publicPart } = key;
    const publicKey = createPublicKey({ key: publicPart as webcrypto.JsonWebKey, format: 'jwk' });
    return new BuiltInIssuer(key, audience, publicKey);
  }

  /**
   * Makes a token. It is worth nothing until its row is recorded.
   *
   * @param createdBy  user who asks for it
   * @param record     keeps the row durably (the gatekeeper's `createToken`)
   */
  async issueToken(
    wish: TokenWish,
    createdBy: string,
    record: (row: TokenRow) => Promise<unknown>,
  ): Promise<{ token: string; row: TokenRow }> {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const row: TokenRow = {
      id: randomUUID(),
      user: wish.user,
      scopes: [...wish.scopes],
      groups: [...(wish.groups ?? [])],
      actAs: [...(wish.actAs ?? [])],
      note: wish.note ?? '',
      createdBy,
      createdAt: now,
      expiresAt: wish.ttlSeconds === undefined ? null : now + wish.ttlSeconds * 1000,
      revokedAt: null,
    };
    await record(row);
    return { token: await this.sign(row), row };
  }

  /** The token of a recorded row; the same row may be signed again. */
  async sign(row: TokenRow): Promise<string> {
    const jwt = new SignJWT({ scope: row.scopes.join(' '), groups: row.groups, act_as: row.actAs })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', ...(this.key.kid === undefined ? {} : { kid: this.key.kid }) })
      .setIssuer(BUILT_IN_ISSUER)
      .setAudience(this.audience)
      .setSubject(row.user)
      .setJti(row.id)
      .setIssuedAt(Math.floor(row.createdAt / 1000));
    if (row.expiresAt !== null) jwt.setExpirationTime(Math.ceil(row.expiresAt / 1000));
    return jwt.sign(await importJWK(this.key, ALGORITHM));
  }
}

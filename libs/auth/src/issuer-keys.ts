import { KeyObject } from 'node:crypto';
import { createRemoteJWKSet, type FlattenedJWSInput, type JWSHeaderParameters } from 'jose';
import { Unauthenticated, Unavailable } from '#libs/contracts';

/** Finds the public key that a token of one issuer must be signed with. */
export type KeyOfToken = (token: string) => Promise<KeyObject>;

type KeySet = ReturnType<typeof createRemoteJWKSet>;

const DISCOVERY_TIMEOUT_MS = 5_000;

const discover = async (issuer: string): Promise<URL> => {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`discovery answered ${response.status}`);
  const document = (await response.json()) as { jwks_uri?: string };
  return new URL(document.jwks_uri ?? '');
};

const asProblem = (issuer: string, error: unknown): Error => {
  const code = (error as { code?: string }).code;
  if (code === 'ERR_JWKS_NO_MATCHING_KEY')
    return new Unauthenticated(`The token is signed with a key that its issuer ${issuer} does not publish.`);
  if (code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS')
    return new Unauthenticated('The token does not name the key it is signed with (`kid`).');
  return new Unavailable(`The keys of the issuer ${issuer} can't be read now.`, { retryAfterSeconds: 5 });
};

/**
 * Keys of an OIDC issuer, kept and read again when a token names an unknown one, at most once per `cooldownMs`.
 *
 * @param jwksUri  where the keys are; without it, by the issuer's discovery document
 */
export const remoteKeys = (issuer: string, jwksUri: string | undefined, cooldownMs = 30_000): KeyOfToken => {
  const objects = new WeakMap<CryptoKey, KeyObject>();
  let keySet: Promise<KeySet> | undefined;

  const open = async (): Promise<KeySet> => {
    const uri = jwksUri === undefined ? await discover(issuer) : new URL(jwksUri);
    return createRemoteJWKSet(uri, { cooldownDuration: cooldownMs, timeoutDuration: DISCOVERY_TIMEOUT_MS });
  };

  return async (token) => {
    const [head = '', payload = '', signature = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as JWSHeaderParameters & { alg: string };
    const jws: FlattenedJWSInput = { protected: head, payload, signature };
    try {
      keySet ??= open();
      const key = await (await keySet)(header, jws);
      const object = objects.get(key) ?? KeyObject.from(key);
      objects.set(key, object);
      return object;
    } catch (error) {
      if ((error as { code?: string }).code === undefined) keySet = undefined;
      throw asProblem(issuer, error);
    }
  };
};

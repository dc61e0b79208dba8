import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JWTPayload, SignJWT } from 'jose';
import type { Identity, TokenRow } from '#libs/contracts';
import { Config, localUser } from '#libs/platform';
import { Authenticator } from './authenticator.js';
import { BUILT_IN_ISSUER, BuiltInIssuer } from './built-in-issuer.js';
import { TokenStatus } from './token-status.js';

const data = mkdtempSync(join(tmpdir(), 'beamgate-auth-'));
const rows = new Map<string, TokenRow>();
const lookup = { find: async (id: string) => rows.get(id) };
const record = async (row: TokenRow) => void rows.set(row.id, row);
const auth = (settings: object) => Config.parse({ auth: settings }).auth;
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

let issuer: BuiltInIssuer;
let authenticator: Authenticator;

beforeAll(async () => {
  issuer = await BuiltInIssuer.open(data, 'beamgate');
  const settings = auth({ staticToken: 'sesame', staticTokenUser: 'hub', staticTokenActAs: ['*'] });
  authenticator = new Authenticator(settings, issuer, new TokenStatus(lookup));
});

const refusal = (request: object, judge = authenticator): Promise<string> =>
  judge.authenticate(request as never).then(
    (identity: Identity) => `accepted ${identity.user}`,
    (error: Error) => error.message,
  );

describe('tokens of the built-in issuer', () => {
  it('prove who calls, in every place a client puts them', async () => {
    const { token, row } = await issuer.issueToken(
      { user: 'ana', scopes: ['kernels'], groups: ['xas'] },
      'root',
      record,
    );
    const identity = { user: 'ana', scopes: ['kernels'], groups: ['xas'], actAs: [], tokenId: row.id };
    const basic = Buffer.from(`somebody:${token}`).toString('base64');
    for (const request of [
      bearer(token),
      { headers: { authorization: `token ${token}` } },
      { headers: { authorization: `None ${token}` } },
      { headers: { authorization: `Basic ${basic}` } },
      { headers: {}, url: `/api/kernels?token=${token}` },
      { headers: { authorization: 'Bearer worthless' }, url: `/api/kernels?a=b&token=${token}` },
    ])
      expect(await authenticator.authenticate(request)).toEqual(identity);
  });

  it('stay good when the service starts again, and the key is for its user alone', async () => {
    const { token } = await issuer.issueToken({ user: 'ana', scopes: ['kernels'] }, 'root', record);
    const again = await BuiltInIssuer.open(data, 'beamgate');
    const judge = new Authenticator(auth({}), again, new TokenStatus(lookup));
    expect(await refusal(bearer(token), judge)).toBe('accepted ana');
    expect(statSync(join(data, 'keys/issuer.json')).mode & 0o777).toBe(0o600);
  });

  it('are of one key where two processes make the first start at once', async () => {
    const fresh = mkdtempSync(join(tmpdir(), 'beamgate-race-'));
    const [one, two] = await Promise.all([1, 2].map(() => BuiltInIssuer.open(fresh, 'beamgate')));
    expect(one?.publicKey.export({ format: 'jwk' })).toEqual(two?.publicKey.export({ format: 'jwk' }));
  });

  it('are of the key of a file, where several gateways have to share one', async () => {
    const file = join(data, 'shared.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const [one, two] = await Promise.all([1, 2].map(() => BuiltInIssuer.fromPem(file, 'beamgate')));
    const { token } = (await one?.issueToken({ user: 'ana', scopes: ['kernels'] }, 'root', record)) ?? { token: '' };
    const judge = new Authenticator(auth({}), two as BuiltInIssuer, new TokenStatus(lookup));
    expect(await refusal(bearer(token), judge)).toBe('accepted ana');
    writeFileSync(file, 'no key');
    await expect(BuiltInIssuer.fromPem(file, 'beamgate')).rejects.toThrow(/auth\.signingKeyFile: .*shared\.pem/);
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    writeFileSync(file, other.export({ type: 'pkcs8', format: 'pem' }));
    await expect(BuiltInIssuer.fromPem(file, 'beamgate')).rejects.toThrow('its curve is P-384');
  });

  it('are refused once revoked: by the row, and at once by the event', async () => {
    const { token, row } = await issuer.issueToken({ user: 'ana', scopes: ['kernels'] }, 'root', record);
    expect(await refusal(bearer(token))).toBe('accepted ana');
    authenticator.tokenRevoked(row.id);
    expect(await refusal(bearer(token))).toBe('The token was revoked.');
    rows.set(row.id, { ...row, revokedAt: 1 });
    const elsewhere = new Authenticator(auth({}), issuer, new TokenStatus(lookup));
    expect(await refusal(bearer(token), elsewhere)).toBe('The token was revoked.');
  });

  it('are refused where they were never recorded', async () => {
    const { token } = await issuer.issueToken({ user: 'ana', scopes: ['kernels'] }, 'root', async () => {});
    expect(await refusal(bearer(token))).toBe('The token is not one that this service recorded.');
  });
});

describe('refusals say which check failed', () => {
  it('no token, however the client says so', async () => {
    const none = 'No token: send `Authorization: Bearer TOKEN` or `?token=TOKEN`.';
    for (const authorization of [undefined, '', 'token', 'token ', 'Bearer', `Basic ${btoa('ana:')}`, 'Basic %'])
      expect(await refusal({ headers: { authorization }, url: '/api/kernels?token=' })).toBe(none);
  });

  it('a form that is no token', async () => {
    expect(await refusal({ headers: { authorization: 'Digest a=b' } })).toMatch(/header is malformed/);
    expect(await refusal(bearer('worthless'))).toBe('The token is malformed: it is no JWT, nor the shared token.');
    const claims = Buffer.from(JSON.stringify({ iss: BUILT_IN_ISSUER })).toString('base64url');
    expect(await refusal(bearer(`bm8.${claims}.`))).toMatch(/malformed/);
  });

  const ownKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const sign = (claims: JWTPayload, alg = 'ES256', key: KeyObject | Uint8Array = ownKey): Promise<string> =>
    new SignJWT({ iss: BUILT_IN_ISSUER, aud: 'beamgate', sub: 'eve', ...claims }).setProtectedHeader({ alg }).sign(key);

  it('a signature by another key', async () => {
    expect(await refusal(bearer(await sign({})))).toBe(
      'The signature of the token does not fit the key of its issuer.',
    );
  });

  it('no signature, or one by a shared secret', async () => {
    const none = (await sign({})).replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url'));
    expect(await refusal(bearer(none.replace(/[^.]+$/, '')))).toMatch(/signature/);
    expect(await refusal(bearer(none))).toMatch(/algorithm that is not accepted/);
    const publicKey = Buffer.from(issuer.publicKey.export({ format: 'pem', type: 'spki' }));
    expect(await refusal(bearer(await sign({}, 'HS256', publicKey)))).toMatch(/algorithm that is not accepted/);
  });

  it('an issuer that is not trusted, and one without a name', async () => {
    const wrong = 'The token has the wrong issuer; it is not one that is trusted here.';
    expect(await refusal(bearer(await sign({ iss: 'https://evil.example' })))).toBe(wrong);
    expect(await refusal(bearer(await sign({ iss: '__proto__' })))).toBe(wrong);
  });

  it('an expired one, and one for another audience', async () => {
    const past = { ttlSeconds: -3600, user: 'ana', scopes: ['kernels'] as const };
    const { token } = await issuer.issueToken(past, 'root', record);
    expect(await refusal(bearer(token))).toMatch(/^The token expired at 20.*Z\.$/);
    const elsewhere = new Authenticator(auth({ audience: 'other' }), issuer, new TokenStatus(lookup));
    const good = await issuer.issueToken({ user: 'ana', scopes: ['kernels'] }, 'root', record);
    expect(await refusal(bearer(good.token), elsewhere)).toBe('The token has the wrong audience; `aud` must be other.');
  });
});

describe('the shared token and no tokens at all', () => {
  it('is one configured user', async () => {
    expect(await authenticator.authenticate(bearer('sesame'))).toEqual({
      user: 'hub',
      scopes: ['kernels'],
      groups: [],
      actAs: ['*'],
    });
    expect(await refusal(bearer('Sesame'))).toMatch(/malformed/);
  });

  it('is never matched by an empty token where none is configured', async () => {
    const judge = new Authenticator(auth({}), issuer, new TokenStatus(lookup));
    expect(await refusal({ headers: { authorization: 'token ' } }, judge)).toMatch(/^No token/);
  });

  it('with `auth none` everybody is the local user', async () => {
    const judge = new Authenticator(auth({ mode: 'none' }), issuer, new TokenStatus(lookup));
    expect(await judge.authenticate({ headers: {} })).toMatchObject({
      user: localUser(),
      scopes: ['kernels', 'admin'],
    });
  });

  it('with `auth none` no page of another site is anybody', async () => {
    const judge = new Authenticator(auth({ mode: 'none' }), issuer, new TokenStatus(lookup));
    const own = 'localhost:8888';
    for (const headers of [
      { host: own },
      { host: own, origin: `http://${own}` },
      { host: '[::1]:8888' },
      { host: '127.0.0.5' },
    ])
      expect((await judge.authenticate({ headers })).user).toBe(localUser());
    for (const headers of [
      { host: 'evil.example' },
      { host: '127.0.0.1.evil.example' },
      { host: own, origin: 'https://evil.example' },
      { host: own, origin: 'http://localhost:9999' },
      { host: own, origin: 'null' },
    ])
      expect(await refusal({ headers }, judge)).toMatch(/^Without tokens/);
  });
});

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Identity } from '#libs/contracts';
import { Config } from '#libs/platform';
import { OidcServer } from '#libs/testing';
import { Authenticator } from './authenticator.js';
import { BuiltInIssuer } from './built-in-issuer.js';
import { TokenStatus } from './token-status.js';

const auth = (settings: object) => Config.parse({ auth: settings }).auth;
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const refusal = (request: object, judge: Authenticator): Promise<string> =>
  judge.authenticate(request as never).then(
    (identity: Identity) => `accepted ${identity.user}`,
    (error: Error) => error.message,
  );

describe('tokens of an OIDC provider', () => {
  let oidc: OidcServer;
  let issuer: BuiltInIssuer;

  const judgeOf = (issuers: object[]): Authenticator =>
    new Authenticator(auth({ issuers }), issuer, new TokenStatus({ find: async () => undefined }), 0);
  const judge = (settings: object = {}): Authenticator => judgeOf([{ issuer: oidc.url, ...settings }]);

  beforeAll(async () => {
    for (const level of ['warn', 'info'] as const) jest.spyOn(console, level).mockImplementation(() => {});
    issuer = await BuiltInIssuer.open(mkdtempSync(join(tmpdir(), 'beamgate-oidc-')), 'beamgate');
    oidc = await OidcServer.start({ groups: ['staff', 'ops'], preferred_username: 'ana' });
  });
  afterAll(() => {
    oidc.stop();
    jest.restoreAllMocks();
  });

  it('are verified by the keys that discovery leads to', async () => {
    const token = await oidc.fetchToken();
    expect(await judge().authenticate(bearer(token))).toMatchObject({
      user: 'pipeline',
      scopes: ['kernels'],
      groups: ['staff', 'ops'],
      actAs: [],
      expiresAt: expect.any(Number),
    });
    const configured = {
      userClaim: 'preferred_username',
      adminGroups: ['ops'],
      actAs: { ana: ['xas'] },
      jwksUri: `${oidc.url}/jwks`,
    };
    expect(await judge(configured).authenticate(bearer(token))).toMatchObject({
      user: 'ana',
      scopes: ['kernels', 'admin'],
      actAs: ['xas'],
    });
    expect(await refusal(bearer(token), judge({ userClaim: 'email' }))).toMatch(/its claim `email` is missing/);
  });

  it('are refused for another audience, and from an issuer that is not configured', async () => {
    expect(await refusal(bearer(await oidc.fetchToken('other')), judge())).toMatch(/wrong audience/);
    expect(await refusal(bearer(await oidc.fetchToken()), judgeOf([]))).toMatch(/wrong issuer/);
  });

  it('follow a key rotation, and then the old key is refused', async () => {
    const judging = judge();
    const old = await oidc.fetchToken();
    expect(await refusal(bearer(old), judging)).toBe('accepted pipeline');
    await oidc.rotate('second');
    expect(await refusal(bearer(await oidc.fetchToken()), judging)).toBe('accepted pipeline');
    expect(await refusal(bearer(old), judging)).toMatch(/a key that its issuer .* does not publish/);
  });

  it('are neither good nor bad while the provider is away', async () => {
    const token = await oidc.fetchToken();
    const judging = judge();
    oidc.away = true;
    expect(await refusal(bearer(token), judging)).toBe(`The keys of the issuer ${oidc.url} can't be read now.`);
    oidc.away = false;
    expect(await refusal(bearer(token), judging)).toBe('accepted pipeline');
  });
});

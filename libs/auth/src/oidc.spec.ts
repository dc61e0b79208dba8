import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type Provider from 'oidc-provider';
import type { Identity } from '#libs/contracts';
import { Config } from '#libs/platform';
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
  let server: Server;
  let url: string;
  let OidcProvider: typeof Provider;
  let provider: Provider;
  let issuer: BuiltInIssuer;
  let reached = true;

  const rsaKey = (kid: string) => ({
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    kid,
    alg: 'RS256',
    use: 'sig',
  });
  const makeProvider = (kid: string): Provider =>
    new OidcProvider(url, {
      jwks: { keys: [rsaKey(kid)] as never },
      clients: [
        {
          client_id: 'pipeline',
          client_secret: 'secret',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:beamgate',
          getResourceServerInfo: (_context: unknown, resource: string) => ({
            scope: 'kernels',
            audience: resource === 'urn:beamgate' ? 'beamgate' : 'other',
            accessTokenTTL: 600,
            accessTokenFormat: 'jwt' as const,
          }),
        },
      },
      extraTokenClaims: () => ({ groups: ['staff', 'ops'], preferred_username: 'ana' }),
    });
  const fetchToken = async (resource = 'urn:beamgate'): Promise<string> => {
    const response = await fetch(`${url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('pipeline:secret')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const judgeOf = (issuers: object[]): Authenticator =>
    new Authenticator(auth({ issuers }), issuer, new TokenStatus({ find: async () => undefined }), 0);
  const judge = (settings: object = {}): Authenticator => judgeOf([{ issuer: url, ...settings }]);

  beforeAll(async () => {
    for (const level of ['warn', 'info'] as const) jest.spyOn(console, level).mockImplementation(() => {});
    OidcProvider = (await import('oidc-provider')).default;
    issuer = await BuiltInIssuer.open(mkdtempSync(join(tmpdir(), 'beamgate-oidc-')), 'beamgate');
    server = createServer((request, response) => {
      if (reached) void provider.callback()(request, response);
      else response.writeHead(500).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    provider = makeProvider('first');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    jest.restoreAllMocks();
  });

  it('are verified by the keys that discovery leads to', async () => {
    const token = await fetchToken();
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
      jwksUri: `${url}/jwks`,
    };
    expect(await judge(configured).authenticate(bearer(token))).toMatchObject({
      user: 'ana',
      scopes: ['kernels', 'admin'],
      actAs: ['xas'],
    });
    expect(await refusal(bearer(token), judge({ userClaim: 'email' }))).toMatch(/its claim `email` is missing/);
  });

  it('are refused for another audience, and from an issuer that is not configured', async () => {
    expect(await refusal(bearer(await fetchToken('urn:other')), judge())).toMatch(/wrong audience/);
    expect(await refusal(bearer(await fetchToken()), judgeOf([]))).toMatch(/wrong issuer/);
  });

  it('follow a key rotation, and then the old key is refused', async () => {
    const judging = judge();
    const old = await fetchToken();
    expect(await refusal(bearer(old), judging)).toBe('accepted pipeline');
    provider = makeProvider('second');
    expect(await refusal(bearer(await fetchToken()), judging)).toBe('accepted pipeline');
    expect(await refusal(bearer(old), judging)).toMatch(/a key that its issuer .* does not publish/);
  });

  it('are neither good nor bad while the provider is away', async () => {
    const token = await fetchToken();
    const judging = judge();
    reached = false;
    expect(await refusal(bearer(token), judging)).toBe(`The keys of the issuer ${url} can't be read now.`);
    reached = true;
    expect(await refusal(bearer(token), judging)).toBe('accepted pipeline');
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import Provider from 'oidc-provider';

/** An OIDC provider in this process, whose private key tests can sign with too. */
export interface OidcServer {
  url: string;
  /** An access token as the provider itself makes them, for the service `pipeline`. */
  fetchToken(audience?: 'beamgate' | 'other'): Promise<string>;
  /** A token that it never made, signed with its key; `header` and `claims` go over the good ones. */
  forge(claims?: JWTPayload, header?: object): Promise<string>;
  stop(): void;
}

export async function startOidc(): Promise<OidcServer> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'provider', alg: 'RS256', use: 'sig' };
  const server = createServer((request, response) => void provider.callback()(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, {
    jwks: { keys: [jwk] as never },
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
    extraTokenClaims: () => ({ groups: ['staff'] }),
  });
  return {
    url,
    fetchToken: async (audience = 'beamgate') => {
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('pipeline:secret')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: `urn:${audience}` }),
      });
      return ((await response.json()) as { access_token: string }).access_token;
    },
    forge: (claims = {}, header = {}) => {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ iss: url, aud: 'beamgate', sub: 'pipeline', iat: now, exp: now + 600, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'provider', ...header })
        .sign(privateKey);
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

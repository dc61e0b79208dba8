import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type Provider from 'oidc-provider';

/** A real OIDC provider in this process, whose private key tests can sign with too. */
export class OidcServer {
  /** While true it answers 500 to everything. */
  away = false;
  #privateKey: CryptoKey | undefined;
  #keyId = '';
  #handle: ReturnType<Provider['callback']> = () => Promise.resolve();

  private constructor(
    readonly url: string,
    private readonly server: Server,
    private readonly claims: object,
  ) {}

  /** `claims` are in every token that the provider makes. */
  static async start(claims: object = {}): Promise<OidcServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const oidc = new OidcServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, claims);
    await oidc.rotate('provider');
    server.on('request', (request, response) => {
      if (oidc.away) response.writeHead(500).end();
      else void oidc.#handle(request, response);
    });
    return oidc;
  }

  /** From now on this key alone is published and signed with. */
  async rotate(keyId: string): Promise<void> {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: keyId, alg: 'RS256', use: 'sig' };
    this.#privateKey = privateKey;
    this.#keyId = keyId;
    // Loaded here: it is large, and warns when it is loaded.
    const { default: OidcProvider } = await import('oidc-provider');
    const provider = new OidcProvider(this.url, {
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
      extraTokenClaims: () => ({ ...this.claims }),
    });
    this.#handle = provider.callback();
  }

  /** An access token as the provider itself makes them, for the service `pipeline`. */
  async fetchToken(audience: 'beamgate' | 'other' = 'beamgate'): Promise<string> {
    const response = await fetch(`${this.url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('pipeline:secret')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: `urn:${audience}` }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** A token that it never made, signed with its key; `header` and `claims` go over the good ones. */
  forge(claims: JWTPayload = {}, header: object = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iss: this.url, aud: 'beamgate', sub: 'pipeline', iat: now, exp: now + 600, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: this.#keyId, ...header })
      .sign(this.#privateKey as CryptoKey);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

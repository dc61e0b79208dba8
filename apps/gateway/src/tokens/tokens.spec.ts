import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BuiltInIssuer, type TokenWish } from '#libs/auth';
import { type Call, gatewayParts, restClient } from '#libs/testing';
import { GatewayModule } from '../gateway.module.js';
import { openEdge } from '../http/edge.js';

let app: NestFastifyApplication;
let url: string;
let ana: Call;
let root: Call;
const parts = gatewayParts();

const client = async (wish: TokenWish): Promise<Call> => {
  const record = async (row: { id: string }) => void parts.gatekeeper.tokens.set(row.id, row as never);
  return restClient(url, (await app.get(BuiltInIssuer).issueToken(wish, 'setup', record)).token);
};

beforeAll(async () => {
  app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  ana = await client({ user: 'ana', scopes: ['kernels'], groups: ['staff'], actAs: ['xas'] });
  root = await client({ user: 'root', scopes: ['kernels', 'admin'] });
});
afterAll(() => app.close());

it('an admin makes one for anybody; it works until it is revoked', async () => {
  const made = await root('POST', '/v1/tokens', {
    user: 'bo',
    groups: ['tomo'],
    actAs: ['*'],
    note: 'hub',
    ttlSeconds: 60,
  });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({ user: 'bo', scopes: ['kernels'], createdBy: 'root', note: 'hub', revokedAt: null });
  expect(made.body.expiresAt - made.body.createdAt).toBe(60_000);
  const bo = restClient(url, made.body.token);
  expect((await bo('GET', '/v1/tokens')).body.tokens.map(({ id }: { id: string }) => id)).toEqual([made.body.id]);
  expect((await ana('DELETE', `/v1/tokens/${made.body.id}`)).status).toBe(404);
  expect((await root('DELETE', `/v1/tokens/${made.body.id}`)).status).toBe(204);
  expect(parts.gatekeeper.tokens.get(made.body.id)?.revokedAt).toEqual(expect.any(Number));
});

it('a list holds no token, and one’s own only', async () => {
  const all = (await root('GET', '/v1/tokens')).body.tokens;
  expect(new Set(all.map(({ user }: { user: string }) => user)).size).toBeGreaterThan(1);
  const own = (await ana('GET', '/v1/tokens')).body.tokens;
  expect(new Set(own.map(({ user }: { user: string }) => user))).toEqual(new Set(['ana']));
  expect(JSON.stringify(all)).not.toContain('eyJ');
});

it('a user makes one for itself with no more than its own grants', async () => {
  expect((await ana('POST', '/v1/tokens', { groups: ['staff'], actAs: ['xas'] })).body).toMatchObject({ user: 'ana' });
  const refusal = async (body: object) => {
    const { status, body: problem } = await ana('POST', '/v1/tokens', body);
    return `${status} ${problem.detail}`;
  };
  expect(await refusal({ user: 'bo' })).toBe('403 Tokens for others are for admins to make.');
  expect(await refusal({ scopes: ['admin'] })).toBe('403 Your own token does not grant the scope admin.');
  expect(await refusal({ groups: ['ops'] })).toBe('403 Your own token does not grant the group ops.');
  expect(await refusal({ actAs: ['*'] })).toBe('403 Your own token does not grant act-as for *.');
});

it('one that ends makes none that outlives it', async () => {
  const brief = await client({ user: 'eva', scopes: ['kernels'], ttlSeconds: 600 });
  expect((await brief('POST', '/v1/tokens', {})).status).toBe(403);
  expect((await brief('POST', '/v1/tokens', { ttlSeconds: 6000 })).status).toBe(403);
  expect((await brief('POST', '/v1/tokens', { ttlSeconds: 60 })).status).toBe(201);
});

it.each([
  [{ ttlSeconds: 0 }, 'ttlSeconds'],
  [{ scopes: ['root'] }, 'scopes.0'],
  [{ scope: ['admin'] }, 'scope'],
])('refuses %j by its field', async (body, field) => {
  expect(await root('POST', '/v1/tokens', body)).toMatchObject({ status: 422, body: { errors: [{ field }] } });
});

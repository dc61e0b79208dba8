import { once } from 'node:events';
import { request } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BuiltInIssuer } from '#libs/auth';
import type { Scope, TokenRow } from '#libs/contracts';
import { type Call, gatewayParts, restClient } from '#libs/testing';
import { KernelEventsController } from '../events/kernel-events.controller.js';
import { GatewayModule } from '../gateway.module.js';
import { openEdge } from './edge.js';

let app: NestFastifyApplication;
let url: string;
let anonymous: Call;
const parts = gatewayParts({
  baseUrl: '/hub/gate/',
  cors: { allowOrigin: 'https://lab.example', allowCredentials: true },
});
const routes: { method: string; url: string }[] = [];

const issue = (user: string, scopes: Scope[] = ['kernels']): Promise<{ token: string; row: TokenRow }> =>
  app
    .get(BuiltInIssuer)
    .issueToken({ user, scopes }, 'root', async (row) => void parts.gatekeeper.tokens.set(row.id, row));

beforeAll(async () => {
  app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', ({ method, url: path }) => {
      for (const one of [method].flat()) routes.push({ method: one, url: path });
    });
  await app.listen(0, '127.0.0.1');
  url = `${await app.getUrl()}/hub/gate`;
  anonymous = restClient(url);
});
afterAll(() => app.close());

describe('tokens', () => {
  it('are needed on every route but a few that tell nothing of anyone', async () => {
    const open = new Set<string>();
    for (const { method, url: path } of routes) {
      const { status } = await anonymous(method, path.replace('*', 'x').replaceAll(/:\w+/g, 'x'));
      if (status !== 401) open.add(path);
    }
    expect([...open].sort()).toEqual([
      '/api/spec',
      '/api/spec.yaml',
      '/api/swagger.json',
      '/api/swagger.yaml',
      '/healthz',
      '/metrics',
      '/readyz',
      '/v1/openapi.json',
    ]);
    expect(routes.length).toBeGreaterThan(40);
  });

  it('are taken in the header and in the query, where it wins', async () => {
    const { token } = await issue('ana');
    expect((await restClient(url, token)('GET', '/api')).body).toMatchObject({ gateway_version: '3.3.0' });
    expect((await anonymous('GET', `/api?token=${token}`)).status).toBe(200);
    const header = { authorization: `token ${token}` };
    expect((await anonymous('GET', '/api?token=worthless', undefined, header)).status).toBe(401);
  });

  it('that are refused are told why, in the form of the path', async () => {
    const dialect = await anonymous('GET', '/api/kernels', undefined, { authorization: 'token ' });
    expect(dialect.status).toBe(401);
    expect(dialect.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(dialect.body).toMatchObject({ reason: 'unauthenticated', message: expect.stringMatching(/^No token/) });
    const v1 = await restClient(url, 'worthless')('GET', '/v1/kernels');
    expect(v1.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(v1.body).toMatchObject({ status: 401, code: 'unauthenticated', detail: expect.stringMatching(/malformed/) });
  });

  it('are refused from the event of their revocation on', async () => {
    const { token, row } = await issue('ana');
    const ana = restClient(url, token);
    expect((await ana('GET', '/api')).status).toBe(200);
    app.get(KernelEventsController).tokenRevoked({ id: row.id });
    expect((await ana('GET', '/api')).body).toMatchObject({ message: 'The token was revoked.' });
  });

  it('never reach the log', async () => {
    const { token } = await issue('ana');
    await anonymous('GET', `/api/kernels?token=${token}`);
    await anonymous('GET', `/nowhere?token=${token}`);
    expect(parts.lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(parts.lines)).not.toContain(token.slice(-20));
  });
});

describe('errors', () => {
  it('are JSON in both forms for unknown paths and methods', async () => {
    expect(await anonymous('GET', '/api/nowhere')).toMatchObject({ status: 404, body: { reason: 'not found' } });
    expect(await anonymous('GET', '/v1/nowhere')).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect((await restClient(url.replace('/hub/gate', ''))('GET', '/api')).status).toBe(404);
  });

  it('name a body that is no JSON or too large', async () => {
    const ana = restClient(url, (await issue('ana')).token);
    expect(await ana('POST', '/v1/kernels', '{"a":')).toMatchObject({
      status: 422,
      body: { code: 'invalid-request', errors: [{ field: 'body', message: 'is not valid JSON' }] },
    });
    expect(await ana('POST', '/api/kernels', '{')).toMatchObject({ status: 400, body: { reason: 'invalid request' } });
    const large = await ana('POST', '/v1/kernels', { note: 'x'.repeat(1_100_000) });
    expect(large).toMatchObject({ status: 413, body: { code: 'too-large' } });
  });

  it('reach a client that is still sending, also one that wants the connection closed', async () => {
    const { token } = await issue('ana');
    const order: unknown[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const headers = { authorization: `Bearer ${token}`, connection: 'close', 'content-length': 8 * 1024 * 1024 };
    const sent = request(`${url}/v1/kernels`, { method: 'POST', headers, agent: false }, (answer) => {
      order.push(answer.statusCode);
      answer.resume().on('end', resolve);
    }).on('error', reject);
    sent.flushHeaders();
    await once(app.getHttpServer(), 'request');
    await anonymous('GET', '/healthz');
    order.push('body');
    sent.end(Buffer.alloc(8 * 1024 * 1024, 'x'));
    await promise;
    expect(order).toEqual(['body', 413]);
  });

  it('of our own tell the client the request id, and the log the rest', async () => {
    const ana = restClient(url, (await issue('ana')).token);
    const listVisible = parts.kernelReader.listVisible;
    parts.kernelReader.listVisible = async () => {
      throw new TypeError('secret detail');
    };
    const answer = await ana('GET', '/v1/kernels', undefined, { 'x-request-id': 'req-7' });
    parts.kernelReader.listVisible = listVisible;
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal', instance: 'req-7' } });
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|TypeError|\.ts/);
    const line = parts.lines.find(({ level }) => level === 'error');
    expect(line).toMatchObject({ requestId: 'req-7', user: 'ana', err: { message: 'secret detail' } });
  });

  it('say when to come back while the gatekeeper is away, and accept nothing', async () => {
    const ana = restClient(url, (await issue('ana')).token);
    parts.gatekeeper.away = true;
    const answer = await ana('POST', '/v1/kernels', {});
    const ready = await anonymous('GET', '/readyz');
    parts.gatekeeper.away = false;
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(ready).toMatchObject({
      status: 503,
      body: { checks: { store: 'ok', gatekeeper: 'The gatekeeper is away.' } },
    });
  });
});

describe('the service itself', () => {
  it('takes a sane request id and makes one otherwise', async () => {
    const given = await anonymous('GET', '/healthz', undefined, { 'x-request-id': 'abc-1' });
    expect(given.headers.get('x-request-id')).toBe('abc-1');
    const made = await anonymous('GET', '/healthz', undefined, { 'x-request-id': 'a b;<script>' });
    expect(made.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });

  it('answers preflights and sends the configured origin', async () => {
    const preflight = await anonymous('OPTIONS', '/api/kernels');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://lab.example');
    expect(preflight.headers.get('access-control-allow-credentials')).toBe('true');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE');
  });

  it('answers probes, at the root too, and counts requests', async () => {
    expect((await anonymous('GET', '/readyz')).body).toEqual({
      status: 'ok',
      checks: { service: 'ok', store: 'ok', gatekeeper: 'ok' },
    });
    const root = restClient(url.replace('/hub/gate', ''));
    expect((await root('GET', '/healthz')).status).toBe(200);
    const { body } = await root('GET', '/metrics');
    expect(body).toMatch(/beamgate_http_request_seconds_count\{method="GET",route="\/readyz",status="200"\} \d/);
    expect(body).toMatch(/beamgate_channel_sockets 0/);
  });

  it('describes every route of both interfaces', async () => {
    const v1 = (await anonymous('GET', '/v1/openapi.json')).body;
    const dialect = (await anonymous('GET', '/api/swagger.json')).body;
    expect(v1.openapi).toBe('3.1.0');
    const served = new Set(
      routes.filter(({ method }) => method !== 'HEAD').map(({ method, url: path }) => `${method} ${path}`),
    );
    const described = [v1, dialect].flatMap(({ paths }) =>
      Object.entries(paths as object).flatMap(([path, methods]) =>
        Object.keys(methods).map(
          (method) => `${method.toUpperCase()} ${path.replace(/\{path\}/, '*').replaceAll(/\{(\w+)\}/g, ':$1')}`,
        ),
      ),
    );
    const undescribed = [...served].filter((route) => !described.includes(route)).sort();
    expect(undescribed).toEqual([
      'GET /api/spec',
      'GET /api/spec.yaml',
      'GET /api/swagger.json',
      'GET /api/swagger.yaml',
      'GET /healthz',
      'GET /metrics',
      'GET /readyz',
    ]);
    expect(described.filter((route) => !served.has(route))).toEqual(['GET /api/kernels/:id/channels']);
    const yaml = await anonymous('GET', '/api/swagger.yaml');
    expect(yaml.headers.get('content-type')).toMatch(/^text\/x-yaml/);
    expect(yaml.body).toContain('/api/kernels/{id}:');
  });
});

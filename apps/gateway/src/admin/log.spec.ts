import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BuiltInIssuer, type TokenWish } from '#libs/auth';
import { DatabaseAway } from '#libs/store';
import { type Call, gatewayParts, restClient } from '#libs/testing';
import { GatewayModule } from '../gateway.module.js';
import { openEdge } from '../http/edge.js';

let app: NestFastifyApplication;
let url: string;
let root: Call;
let token: string;
const parts = gatewayParts();
const { steps } = parts.gatekeeper;

const issue = async (wish: TokenWish): Promise<string> => {
  const record = async (row: { id: string }) => void parts.gatekeeper.tokens.set(row.id, row as never);
  return (await app.get(BuiltInIssuer).issueToken(wish, 'setup', record)).token;
};
const read = async (query = ''): Promise<{ type: string | null; lines: Record<string, unknown>[] }> => {
  const response = await fetch(`${url}/v1/admin/log${query}`, { headers: { authorization: `Bearer ${token}` } });
  const lines = (await response.text()).trimEnd().split('\n');
  return { type: response.headers.get('content-type'), lines: lines.map((line) => JSON.parse(line)) };
};

beforeAll(async () => {
  app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  token = await issue({ user: 'root', scopes: ['kernels', 'admin'] });
  root = restClient(url, token);
  for (const at of [1_000, 2_000, 3_000])
    steps.push({ seq: at, epoch: 1, at, origin: at === 1_000 ? { version: 0 } : null, events: [{ kind: 'tick' }] });
});
afterAll(() => app.close());

it('is a line that says what was asked for, and one for each step', async () => {
  const { type, lines } = await read();
  expect(type).toBe('application/x-ndjson');
  // Nothing is known of later.
  expect(lines[0]).toEqual({ kind: 'log', format: 1, from: null, to: expect.any(Number) });
  expect(Number(lines[0]?.['to'])).toBeLessThanOrEqual(Date.now());
  expect(lines.slice(1)).toEqual(steps.map((step) => ({ kind: 'step', ...step })));
});

it('takes times with an offset', async () => {
  const { lines } = await read('?from=1970-01-01T01:00:02%2B01:00&to=1970-01-01T00:00:03Z');
  expect(lines.map(({ at, from, to }) => at ?? [from, to])).toEqual([[2_000, 3_000], 2_000]);
});

it.each([
  ['from=yesterday', 'from', /ISO 8601/],
  ['to=2026-12-01', 'to', /ISO 8601/],
  ['from=2026-12-02T00:00:00Z&to=2026-12-01T00:00:00Z', 'to', /is not after from/],
  ['since=2026-12-02T00:00:00Z', 'since', /is not known here/],
])('refuses ?%s by its field', async (query, field, message) => {
  const { status, body } = await root('GET', `/v1/admin/log?${query}`);
  expect([status, body.code, body.errors[0].field]).toEqual([422, 'invalid-request', field]);
  expect(body.errors[0].message).toMatch(message);
});

it('is for admins', async () => {
  const eve = restClient(url, await issue({ user: 'eve', scopes: ['kernels'] }));
  expect((await eve('GET', '/v1/admin/log')).body).toMatchObject({ status: 403, detail: 'This is for admins.' });
});

it('says that the store is away while it still can', async () => {
  const { rows } = parts.inputLogReader;
  const away = new DatabaseAway('away');
  parts.inputLogReader.rows = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(away) }) }) as never;
  expect((await root('GET', '/v1/admin/log')).status).toBe(503);
  parts.inputLogReader.rows = rows;
});

it('is in the description of the interface', async () => {
  const { body } = await root('GET', '/v1/openapi.json');
  const { responses, parameters } = body.paths['/v1/admin/log'].get;
  expect(Object.keys(responses['200'].content)).toEqual(['application/x-ndjson']);
  expect(parameters.map(({ name }: { name: string }) => name)).toEqual(['from', 'to']);
});

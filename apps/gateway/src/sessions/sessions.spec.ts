import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BuiltInIssuer } from '#libs/auth';
import { type Call, gatewayParts, restClient } from '#libs/testing';
import { GatewayModule } from '../gateway.module.js';
import { openEdge } from '../http/edge.js';

let app: NestFastifyApplication;
let ana: Call;
let bo: Call;
const parts = gatewayParts();
const { kernels } = parts.gatekeeper;

beforeAll(async () => {
  app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
  await app.listen(0, '127.0.0.1');
  const client = async (user: string): Promise<Call> => {
    const record = async (row: { id: string }) => void parts.gatekeeper.tokens.set(row.id, row as never);
    const { token } = await app.get(BuiltInIssuer).issueToken({ user, scopes: ['kernels'] }, 'root', record);
    return restClient(await app.getUrl(), token);
  };
  ana = await client('ana');
  bo = await client('bo');
});
afterAll(() => app.close());

const start = async (path: string, kernel: object = { name: 'python3' }) =>
  (await ana('POST', '/api/sessions', { path, type: 'notebook', name: path, kernel })).body;

it('starts a kernel for a path, once', async () => {
  const answer = await ana('POST', '/api/sessions', { path: 'a.ipynb', type: 'notebook', kernel: { name: 'ir' } });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('location')).toBe(`/api/sessions/${answer.body.id}`);
  expect(answer.body).toMatchObject({ path: 'a.ipynb', name: 'a.ipynb', type: 'notebook', kernel: { name: 'ir' } });
  expect((await start('a.ipynb')).id).toBe(answer.body.id);
  expect((await ana('GET', `/api/sessions/${answer.body.id}`)).body).toEqual(answer.body);
});

it('takes a kernel that lives', async () => {
  const { id } = kernels.add({ owner: 'ana', phase: 'ready', executionState: 'idle' });
  expect((await start('b.ipynb', { id })).kernel).toMatchObject({ id, execution_state: 'idle' });
  const theirs = kernels.add({ owner: 'bo', actor: 'bo' }).id;
  const refused = await ana('POST', '/api/sessions', { path: 'c', type: 'x', kernel: { id: theirs } });
  expect(refused.status).toBe(404);
});

it('is seen by its owner alone', async () => {
  const { id } = await start('d.ipynb');
  expect((await ana('GET', '/api/sessions')).body).toContainEqual(expect.objectContaining({ id }));
  expect((await bo('GET', '/api/sessions')).body).toEqual([]);
  for (const method of ['GET', 'PATCH', 'DELETE'])
    expect((await bo(method, `/api/sessions/${id}`, method === 'PATCH' ? {} : undefined)).status).toBe(404);
});

it('is renamed, and given another kernel, which ends the one it had', async () => {
  const { id, kernel } = await start('e.ipynb');
  const renamed = await ana('PATCH', `/api/sessions/${id}`, { path: 'f.ipynb', name: 'f' });
  expect(renamed).toMatchObject({ status: 200, body: { id, path: 'f.ipynb', name: 'f', kernel: { id: kernel.id } } });
  const moved = await ana('PATCH', `/api/sessions/${id}`, { kernel: { name: 'ir' } });
  expect(moved.body.kernel).toMatchObject({ name: 'ir' });
  expect(await kernels.find(kernel.id)).toMatchObject({ endReason: 'shut-down' });
});

it('ends with its kernel', async () => {
  const { id, kernel } = await start('g.ipynb');
  expect((await ana('DELETE', `/api/sessions/${id}`)).status).toBe(204);
  expect(await kernels.find(kernel.id)).toMatchObject({ phase: 'ended' });
  expect((await ana('GET', `/api/sessions/${id}`)).status).toBe(404);
});

it('says that its kernel is gone, and starts anew for the path', async () => {
  const { id, kernel } = await start('h.ipynb');
  kernels.end(kernel.id, 'shut-down');
  expect(await ana('GET', `/api/sessions/${id}`)).toMatchObject({ status: 410, body: { reason: 'kernel gone' } });
  expect((await start('h.ipynb')).kernel.id).not.toBe(kernel.id);
});

it.each([
  [{ type: 'notebook', kernel: { name: 'ir' } }, 400],
  [{ path: 'x', kernel: { name: 'ir' } }, 400],
  [{ path: 'x', type: 'notebook', kernel: { id: 'y' } }, 400],
  [undefined, 400],
])('refuses %j with %i', async (body, status) => {
  expect((await ana('POST', '/api/sessions', body)).status).toBe(status);
});

it('answers an unknown kernelspec and an unknown session as Jupyter does', async () => {
  expect(
    await ana('POST', '/api/sessions', { path: 'x', type: 'notebook', kernel: { name: 'fortran' } }),
  ).toMatchObject({
    status: 501,
    body: { short_message: 'fortran not found', message: expect.stringContaining('"fortran"') },
  });
  expect((await ana('GET', `/api/sessions/${randomUUID()}`)).status).toBe(404);
});

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Call, gatewayParts, restClient } from '#libs/testing';
import { GatewayModule } from '../gateway.module.js';
import { openEdge } from '../http/edge.js';

let app: NestFastifyApplication;
let anyone: Call;
let port: number;
const parts = gatewayParts({ auth: { mode: 'none' }, baseUrl: '/b/' });

beforeAll(async () => {
  mkdirSync(join(parts.config.data, 'keys'), { recursive: true });
  writeFileSync(join(parts.config.data, 'secret.txt'), 'secret');
  symlinkSync('../../secret.txt', join(parts.config.data, 'kernels/ir/logo-link.png'));
  app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  port = Number(new URL(url).port);
  anyone = restClient(`${url}/b`);
});
afterAll(() => app.close());

it('lists the kernelspecs in the form that notebook servers need', async () => {
  const { body } = await anyone('GET', '/api/kernelspecs');
  expect(body.default).toBe('python3');
  expect(Object.keys(body.kernelspecs)).toEqual(['ir', 'python3']);
  expect(body.kernelspecs.ir).toMatchObject({
    name: 'ir',
    spec: { display_name: 'R', language: 'python', interrupt_mode: 'signal', argv: expect.any(Array) },
    resources: { 'logo-64x64': '/b/kernelspecs/ir/logo-64x64.png' },
  });
});

it('gives one, also by the URL that a server with KERNEL_USERNAME makes', async () => {
  expect((await anyone('GET', '/api/kernelspecs/ir?user=ana')).body.name).toBe('ir');
  expect((await anyone('GET', '/api/kernelspecs?user=ana/ir')).body.name).toBe('ir');
  expect((await anyone('GET', '/api/kernelspecs?user=ana%2Fir')).body.name).toBe('ir');
  expect((await anyone('GET', '/api/kernelspecs?user=ana')).body.default).toBe('python3');
  expect((await anyone('GET', '/api/kernelspecs?user=ana/none')).status).toBe(404);
});

it('serves logos to GET and HEAD, as images that run no script', async () => {
  const logo = await anyone('GET', '/kernelspecs/ir/logo-64x64.png');
  expect(logo.status).toBe(200);
  expect(logo.headers.get('content-type')).toBe('image/png');
  expect(logo.headers.get('content-length')).toBe('8');
  expect(logo.headers.get('content-security-policy')).toContain('sandbox');
  expect((await anyone('HEAD', '/kernelspecs/ir/logo-64x64.png')).status).toBe(200);
  expect(await anyone('GET', '/kernelspecs/ir/logo-32x32.png')).toMatchObject({
    status: 404,
    body: { reason: 'not found' },
  });
});

/** As written: fetch would tidy the path. */
const raw = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

it.each([
  '/b/kernelspecs/ir/../../secret.txt',
  '/b/kernelspecs/ir/..%2f..%2fsecret.txt',
  '/b/kernelspecs/ir/%2e%2e/%2e%2e/secret.txt',
  '/b/kernelspecs/ir/..%252f..%252fsecret.txt',
  '/b/kernelspecs/ir/..%5c..%5csecret.txt',
  '/b/kernelspecs/..%2fir/logo-64x64.png',
  '/b/kernelspecs/../secret.txt',
  '/b/kernelspecs/ir//etc/passwd',
  '/b/kernelspecs/ir/logo-link.png',
  '/b/kernelspecs/ir/logo-64x64.png%00',
  '/b/kernelspecs/ir/',
  '/b/../b/kernelspecs/ir/logo-64x64.png',
  '/b/api/kernelspecs/..%2f..%2fsecret.txt',
  '/b/api/kernelspecs/__proto__',
])('leads nowhere by %s', async (path) => {
  expect(await raw(path)).toBe(404);
});

it('tells a URL that can’t be decoded apart', async () => {
  expect(await raw('/b/kernelspecs/ir/%zz')).toBe(400);
});

it('offers them on /v1 as a list', async () => {
  const { body } = await anyone('GET', '/v1/kernelspecs');
  expect(body.default).toBe('python3');
  expect(body.kernelspecs.map(({ name }: { name: string }) => name)).toEqual(['ir', 'python3']);
  expect((await anyone('GET', '/v1/kernelspecs/ir')).body.spec.display_name).toBe('R');
  expect((await anyone('GET', '/v1/kernelspecs/none')).body).toMatchObject({ code: 'not-found' });
});

import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { type Gateway, remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { post, raw, upgrade } from '../support/raw-http.js';
import { RawSocket } from '../support/raw-socket.js';
import { expectProblem, expectRefusal } from '../support/refusals.js';
import { Scope } from '../support/scope.js';
import { as, createKernel, createToken, endKernel, inPhase } from '../support/v1.js';

const scope = new Scope();
const specs = scope.use(offerNullKernel(), remove);
const serve = async (config: Record<string, unknown>): Promise<Beamgate> =>
  scope.use(await Beamgate.start({ config, env: { JUPYTER_PATH: specs }, logName: 'security-limits' }), (one) =>
    one.stop(),
  );
/** A request's head, without what a body needs. */
const head = (method: string, path: string, headers: Record<string, string | number> = {}): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: x', ...Object.entries(headers).map((pair) => pair.join(': '))].join('\r\n');

describe('what a connection may send, and how long it may take', () => {
  let beamgate: Beamgate;
  const http = {
    maxHeaderBytes: 4096,
    maxBodyBytes: 2000,
    headTimeoutSeconds: 0.4,
    requestTimeoutSeconds: 1.6,
    keepAliveSeconds: 0.3,
  };
  beforeAll(async () => {
    beamgate = await serve({ http });
  }, 60_000);

  it('a request line or headers that are too large are a 431', async () => {
    for (const asked of [
      raw(beamgate, `/api/kernels?x=${'x'.repeat(5000)}`),
      raw(beamgate, '/api', { headers: { 'x-note': 'x'.repeat(5000) } }),
      upgrade(beamgate, '/api/kernels/x/channels', { headers: { 'x-note': 'x'.repeat(5000) } }),
    ]) {
      expectRefusal(await asked, 431, /too large/);
    }
  });

  it('a body that is too large is a 413, with its length or in chunks', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(2000) });
    expectRefusal(await raw(beamgate, '/api/kernels', { method: 'POST', body }), 413, /./);
    const headers = { 'transfer-encoding': 'chunked' };
    expectProblem(await raw(beamgate, '/v1/kernels', { method: 'POST', body, headers }), 413, /./);
  });

  it('what is no HTTP is a 400', async () => {
    const socket = await RawSocket.open(beamgate);
    await socket.send('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03').closed;
    expect(socket.received).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*\r\n\r\n{"reason":"Bad Request","message":"This is no HTTP/,
    );
  });

  it.each([
    ['says nothing', (socket: RawSocket) => socket],
    ['stops in the request line', (socket: RawSocket) => socket.send('GET /ap')],
    ['sends its head byte by byte', (socket: RawSocket) => socket.send('GET / HTTP/1.1\r\nX: ').drip('x', 20)],
    [
      'sends its body byte by byte',
      (socket: RawSocket) => {
        const headers = { Authorization: `Bearer ${beamgate.token}`, 'Content-Length': 1500 };
        return socket.send(`${head('POST', '/api/kernels', headers)}\r\n\r\n{`).drip(' ', 20);
      },
    ],
    [
      'never ends its chunks',
      (socket: RawSocket) => {
        const headers = { Authorization: `Bearer ${beamgate.token}`, 'Transfer-Encoding': 'chunked' };
        return socket.send(`${head('POST', '/api/kernels', headers)}\r\n\r\n`).drip('1\r\n \r\n', 20);
      },
    ],
  ])('one that %s is ended with 408, and holds nobody up', async (_case, play) => {
    const socket = play(await RawSocket.open(beamgate));
    expect((await raw(beamgate, '/api/kernels')).status).toBe(200);
    await socket.closed;
    expect(socket.received).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*{"reason":"Request Timeout","message":"The request was not/,
    );
  });

  it('one that asks nothing more is closed', async () => {
    const socket = await RawSocket.open(beamgate);
    await socket.send(`${head('GET', '/healthz')}\r\n\r\n`).until(/"ok"/);
    await socket.closed;
  });

  it('a stranger is answered before the body is read', async () => {
    for (const path of ['/api/kernels', '/v1/kernels', '/nowhere']) {
      const socket = await RawSocket.open(beamgate);
      const answer = `${head('POST', path, { 'Content-Length': 1500 })}\r\n\r\n`;
      await socket.send(answer).until(/^HTTP\/1\.1 401 /);
      await socket.closed;
    }
    const socket = await RawSocket.open(beamgate);
    await socket.send(`${head('POST', '/v1/kernels', { 'Transfer-Encoding': 'chunked' })}\r\n\r\n`).until(/ 401 /);
    socket.end();
  });

  it('a caller is answered as before: the limits are for each request, not for the connection', async () => {
    const { id } = await createKernel(beamgate, { kernelspec: 'null' });
    await inPhase(beamgate, id, 'ready');
    await endKernel(beamgate, id);
  });
});

describe('how often a caller may ask', () => {
  it('is a 429 that says when to come back, for one identity alone', async () => {
    const beamgate = await serve({ http: { requestsPerSecond: 0.01, requestBurst: 6 } });
    const [ana, bob] = await Promise.all(
      ['ana', 'bob'].map(async (user) => as(beamgate, (await createToken(beamgate, { user })).token)),
    );
    if (!ana || !bob) throw new Error('two tokens were made');
    for (let asked = 0; asked < 6; asked += 1) expect((await raw(ana, '/api/kernels')).status).toBe(200);
    const dialect = await raw(ana, '/api/kernels');
    expectRefusal(dialect, 429, /try again in \d+ s/);
    expect(Number(dialect.headers['retry-after'])).toBeGreaterThan(50);
    expectProblem(await post(ana, '/v1/kernels', { kernelspec: 'null' }), 429, /More than 0.01 requests per second/);
    const socket = await upgrade(ana, '/api/kernels/9b2b7a4e-4d0f-4b2c-8f9a-111111111111/channels');
    expectRefusal(socket, 429, /try again/);
    expect(Number(socket.headers['retry-after'])).toBeGreaterThan(50);
    expect((await raw(bob, '/api/kernels')).status).toBe(200);
    expect((await raw(ana, '/healthz', { token: null })).status).toBe(200);
  }, 30_000);

  it('without a token is counted by address, and keeps nobody with a token waiting', async () => {
    const beamgate = await serve({ http: { refusalsPerSecond: 0.01, refusalBurst: 3 } });
    const asked = [{ token: null }, { token: 'worthless' }, { token: null, method: 'POST', body: '{}' }];
    for (const one of asked) expectRefusal(await raw(beamgate, '/api/kernels', one), 401, /./);
    for (const one of asked) expectRefusal(await raw(beamgate, '/api/kernels', one), 429, /without a token/);
    expectRefusal(await upgrade(beamgate, '/api/kernels/x/channels', { token: null }), 404, /./);
    expect((await raw(beamgate, '/api/kernels')).status).toBe(200);
    for (const probe of ['/healthz', '/readyz', '/metrics']) {
      expect((await raw(beamgate, probe, { token: null })).status).toBe(200);
    }
  }, 30_000);
});

describe('how many sockets there may be', () => {
  it('is refused readably for a kernel, for an owner and in all; one that replaces another is not one more', async () => {
    const beamgate = await serve({ channels: { maxSockets: 4, maxSocketsPerUser: 3, maxSocketsPerKernel: 2 } });
    const ana = as(beamgate, (await createToken(beamgate, { user: 'ana' })).token);
    const bob = as(beamgate, (await createToken(beamgate, { user: 'bob' })).token);
    const kernelOf = async (one: Gateway) => (await createKernel(one, { kernelspec: 'null' })).id;
    const [first, second, other] = await Promise.all([kernelOf(ana), kernelOf(ana), kernelOf(bob)]);
    const refused = async (one: Gateway, id: string, status: number, message: RegExp) => {
      const answer = await upgrade(one, `/api/kernels/${id}/channels`);
      expectRefusal(answer, status, message);
      expect(answer.headers['retry-after']).toBe('10');
    };
    const kept = await ChannelClient.open(ana, first, { session: 'tab' });
    await ChannelClient.open(ana, first);
    await refused(ana, first, 429, /^2 sockets are open to this kernel/);
    const replaced = kept.closed;
    await ChannelClient.open(ana, first, { session: 'tab' });
    expect(await replaced).toBe(1012);
    await refused(ana, first, 429, /this kernel/);
    await ChannelClient.open(ana, second);
    await refused(ana, second, 429, /^3 sockets are open to the kernels of ana/);
    const last = await ChannelClient.open(bob, other);
    await refused(bob, other, 503, /^4 sockets are open here/);
    await last.close();
    await (await ChannelClient.open(bob, other)).close();
  }, 30_000);
});

describe('a socket', () => {
  it('that sends rubbish is told so now and then, and closed with 1007 after so many', async () => {
    const beamgate = await serve({ channels: { maxMalformed: 10 } });
    const { id } = await createKernel(beamgate, { kernelspec: 'null' });
    await inPhase(beamgate, id, 'ready');
    const client = await ChannelClient.open(beamgate, id, { framing: 'legacy' });
    for (let row = 0; row < 3; row += 1) {
      for (let bad = 0; bad < 9; bad += 1) client.socket.send('rubbish');
      expect((await client.execute('x')).reply.content['status']).toBe('ok');
    }
    const closed = client.closed;
    for (let bad = 0; bad < 10; bad += 1) client.socket.send('rubbish');
    expect(await closed).toBe(1007);
    const told = client.received.filter(({ content }) => /Beamgate ignored/.test(String(content['text'])));
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told.length).toBeLessThan(10);
    const log = join(beamgate.data, 'logs/beamgate.log');
    const lines = existsSync(log) ? readFileSync(log, 'utf8').match(/of a client ignored/g) : [];
    expect(lines).toHaveLength(told.length);
  }, 30_000);

  it('is closed with 1008 when its token expires; one with a fresh token goes on where it was', async () => {
    const beamgate = await serve({ auth: { clockToleranceSeconds: 0 } });
    const brief = as(beamgate, (await createToken(beamgate, { user: 'ana', ttlSeconds: 2 })).token);
    const long = as(beamgate, (await createToken(beamgate, { user: 'ana' })).token);
    const { id } = await createKernel(long, { kernelspec: 'null' });
    await inPhase(long, id, 'ready');
    const client = await ChannelClient.open(brief, id, { session: 'tab' });
    const stays = await ChannelClient.open(long, id);
    const [code, reason] = (await once(client.socket, 'close')) as [number, Buffer];
    expect([code, String(reason)]).toEqual([1008, 'the token has expired: come back with a new one']);
    expectRefusal(await upgrade(brief, `/api/kernels/${id}/channels`), 401, /expired/);
    const again = await ChannelClient.open(long, id, { session: 'tab' });
    expect((await again.execute('x')).reply.content['status']).toBe('ok');
    expect((await stays.execute('x')).reply.content['status']).toBe('ok');
  }, 30_000);

  it('whose client floods it with pings and reads no pong costs no memory, and goes on when it reads', async () => {
    const beamgate = await serve({});
    const { id } = await createKernel(beamgate, { kernelspec: 'null' });
    await inPhase(beamgate, id, 'ready');
    const client = await ChannelClient.open(beamgate, id);
    client.socket.pause();
    const before = await resident(beamgate);
    for (let sent = 0; sent < 500_000; sent += 1) {
      client.socket.ping('x'.repeat(120));
      if (client.socket.bufferedAmount > 1 << 20) await drained(client);
    }
    await drained(client);
    expect((await resident(beamgate)) - before).toBeLessThan(30e6);
    client.socket.resume();
    expect((await client.execute('x')).reply.content['status']).toBe('ok');
  }, 60_000);
});

const resident = async (beamgate: Beamgate): Promise<number> =>
  Number(/^process_resident_memory_bytes (\d+)/m.exec((await raw(beamgate, '/metrics')).text)?.[1]);

const drained = async ({ socket }: ChannelClient): Promise<void> => {
  while (socket.bufferedAmount > 0) await new Promise((resolve) => setImmediate(resolve));
};

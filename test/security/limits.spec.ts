import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { raw, upgrade } from '../support/raw-http.js';
import { expectRefusal } from '../support/refusals.js';
import { as, createKernel, createToken, endKernel, inPhase } from '../support/v1.js';

describe('a client that asks too much', () => {
  let specs: string;
  let beamgate: Beamgate;

  beforeAll(async () => {
    specs = offerNullKernel();
    beamgate = await Beamgate.start({
      config: { requests: { headSeconds: 0.5, wholeSeconds: 1 }, channels: { maxSocketsPerUser: 2 } },
      env: { JUPYTER_PATH: specs },
      logName: 'security-limits',
    });
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    remove(specs);
  }, 30_000);

  /** Everything that the service says until it ends the connection. */
  async function answered(bytes: string): Promise<string> {
    const { hostname, port } = new URL(beamgate.url);
    const socket: Socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(bytes);
    await once(socket, 'close');
    return answer;
  }

  it('by never finishing the head of a request is answered 408 and closed', async () => {
    expect(await answered('GET /api/kernels HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1.1 408 /);
  }, 20_000);

  it('by never finishing a body is answered and closed', async () => {
    const head = `POST /api/kernels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${beamgate.token}\r\nContent-Length: 500\r\n\r\n{`;
    expect(await answered(head)).toMatch(/^(HTTP\/1.1 408 |$)/);
    expect((await raw(beamgate, '/api/kernels')).status).toBe(200);
  }, 20_000);

  it('by opening more sockets than one user may have is told so; others are not touched', async () => {
    const [ana, bob] = await Promise.all(
      ['ana', 'bob'].map(async (user) => as(beamgate, (await createToken(beamgate, { user })).token)),
    );
    if (!ana || !bob) throw new Error('two tokens were made');
    const { id } = await createKernel(ana, { kernelspec: 'null' });
    const his = await createKernel(bob, { kernelspec: 'null' });
    await Promise.all([inPhase(ana, id, 'ready'), inPhase(bob, his.id, 'ready')]);
    const [first] = await Promise.all([ChannelClient.open(ana, id), ChannelClient.open(ana, id)]);
    expectRefusal(await upgrade(ana, `/api/kernels/${id}/channels`), 429, /has 2 sockets open/);
    const other = await ChannelClient.open(bob, his.id);
    expect((await other.execute('x')).reply.content['status']).toBe('ok');
    await first?.close();
    expect((await (await ChannelClient.open(ana, id)).execute('x')).reply.content['status']).toBe('ok');
    await Promise.all([endKernel(ana, id), endKernel(bob, his.id)]);
  }, 30_000);

  it('beyond the life of its token is sent away, and comes back with another', async () => {
    const { token } = await createToken(beamgate, { user: 'eve', ttlSeconds: 3 });
    const eve = as(beamgate, token);
    const { id } = await createKernel(eve, { kernelspec: 'null' });
    await inPhase(eve, id, 'ready');
    const client = await ChannelClient.open(eve, id);
    const [code, reason] = (await once(client.socket as WebSocket, 'close')) as [number, Buffer];
    expect([code, String(reason)]).toEqual([1008, 'the token has expired']);
    const again = as(beamgate, (await createToken(beamgate, { user: 'eve' })).token);
    const back = await ChannelClient.open(again, id, { session: client.session });
    expect((await back.execute('x')).reply.content['status']).toBe('ok');
    await endKernel(again, id);
  }, 30_000);
});

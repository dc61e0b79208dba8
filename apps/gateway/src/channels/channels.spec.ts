import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as quiet } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type Identity, type KernelId, Unauthenticated } from '#libs/contracts';
import { legacyBinary, NUMBERED_PROTOCOL, unpackV1, V1_PROTOCOL } from '#libs/jupyter';
import { ChannelClient, FakeAgent, FakeKernels, v1Message } from '#libs/testing';
import { OpenConnections } from '../events/open-connections.js';
import { ChannelFactory } from './channel-factory.js';
import { ChannelMetrics } from './channel-metrics.js';
import { ChannelServer } from './channel-server.js';
import type { ChannelOptions } from './options.js';

Logger.overrideLogger(false);

const TORNADO = { 'user-agent': 'Tornado/6.6.1' };
const ada: Identity = { user: 'ada', scopes: ['kernels'], groups: [], actAs: [], tokenId: 'token-1' };
const execute = (id: string, code = '1') => v1Message('shell', 'execute_request', { code, silent: false }, { id });
const info = {
  protocol_version: '5.3',
  implementation: 'ipython',
  implementation_version: '9.7.0',
  language_info: { name: 'python', version: '3.13.1', mimetype: 'text/x-python', file_extension: '.py' },
};
const printed = (text: string, parent?: string) =>
  v1Message('iopub', 'stream', { name: 'stdout', text }, parent === undefined ? {} : { parent });
const reply = (parent: string) => v1Message('shell', 'execute_reply', { status: 'ok', execution_count: 1 }, { parent });

let kernels: FakeKernels;
let agent: FakeAgent;
/** After `agent`, where a kernel gets another one. */
let next: FakeAgent | undefined;
let http: Server;
let server: ChannelServer;
let metrics: ChannelMetrics;
let counts: OpenConnections;
const clients: ChannelClient[] = [];

function serve(changes: Partial<ChannelOptions> = {}): void {
  const options: ChannelOptions = {
    baseUrl: '/base/',
    endedVisibleSeconds: 3600,
    pendingBytes: 1024 * 1024,
    maxMessageBytes: 64 * 1024 * 1024,
    pingIntervalSeconds: 30,
    stalledSeconds: 60,
    maxMalformed: 32,
    sockets: { all: 100, perUser: 100, perKernel: 100 },
    expiryToleranceSeconds: 0,
    drainSeconds: 1,
    ...changes,
    timing: { noticeAfter: 0, explainEvery: 20, drain: 50, linger: 60_000, ...changes.timing },
  };
  metrics = new ChannelMetrics();
  counts = new OpenConnections();
  const gatekeeper = { send: () => kernels.explain() as never };
  const factory = new ChannelFactory(options, kernels, kernels, gatekeeper, metrics);
  const authenticate = async (request: { url?: string | undefined }): Promise<Identity> => {
    const token = new URL(request.url ?? '', 'http://x').searchParams.get('token') ?? 'ada';
    if (token === 'bad') throw new Unauthenticated('The token has expired.');
    if (token === 'root') return { ...ada, user: 'root', scopes: ['admin'] };
    if (token === 'nothing') return { ...ada, scopes: [] };
    return { ...ada, user: token };
  };
  server = new ChannelServer(options, authenticate, kernels, factory, counts);
  server.attach(http);
}

async function open(id: string, query = '', protocol?: string, headers = {}): Promise<ChannelClient> {
  const { port } = http.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/base/api/kernels/${id}/channels?${query}`;
  const client = await ChannelClient.open(url, protocol, headers);
  clients.push(client);
  return client;
}

/** All sockets are closed, as the server sees it. */
const gone = async () => {
  while (metrics.sockets > 0) await quiet(1);
};

const ready = () => kernels.add({ phase: 'ready', endpoint: agent.endpoint }).id;

/** Opens and waits until the session is known to the agent. */
async function attach(id: KernelId, session: string, protocol?: string, headers = {}): Promise<ChannelClient> {
  const client = await open(id, `session_id=${session}`, protocol, headers);
  await agent.hellos.find((hello) => hello['session'] === session);
  return client;
}

beforeEach(async () => {
  kernels = new FakeKernels();
  agent = await FakeAgent.listen();
  http = createServer();
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});

afterEach(async () => {
  server.beforeApplicationShutdown();
  for (const client of clients.splice(0)) client.ws.terminate();
  await gone();
  agent.close();
  next?.close();
  http.closeAllConnections();
  http.close();
});

describe('an upgrade', () => {
  it.each([
    ['without a valid token', 'token=bad', /^401 .*The token has expired/],
    ['with a token that allows nothing', 'token=nothing', /^403 .*does not allow kernels/],
    ["for another owner's kernel", 'token=eve', /^404 .*Kernel does not exist/],
    ['with a bad position', 'seen=-1', /^400 .*seen/],
  ])('%s is refused in plain HTTP', async (_case, query, answer) => {
    serve();
    await expect(open(ready(), query)).rejects.toThrow(answer);
  });

  it('for an unknown or ended kernel, or another path, is a 404', async () => {
    serve();
    const ended = kernels.add({ phase: 'ended', endReason: 'shut-down' }).id;
    await expect(open(ended)).rejects.toThrow(/^404/);
    await expect(open('7d444840-9dc0-41d1-b245-5ffdce74fad2')).rejects.toThrow(/^404/);
    await expect(open('../x')).rejects.toThrow(/^404 .*"reason":"Not Found"/);
  });

  it('is granted to owner, actor and admin, whatever the phase', async () => {
    serve();
    const { id } = kernels.add({ owner: 'ada', actor: 'hub' });
    for (const token of ['ada', 'hub', 'root']) expect((await open(id, `token=${token}`)).ws.readyState).toBe(1);
    expect(metrics.sockets).toBe(3);
    expect(counts.of(id)).toBe(3);
  });

  it('gets the best framing it offers, and turns Nagle off', async () => {
    serve();
    const id = ready();
    const noDelay = new Promise((resolve) => {
      http.prependOnceListener('upgrade', (_request, stream) => {
        const socket = stream as Socket;
        const setNoDelay = socket.setNoDelay.bind(socket);
        socket.setNoDelay = (on) => {
          resolve(on);
          return setNoDelay(on);
        };
      });
    });
    expect((await open(id, '', V1_PROTOCOL)).ws.protocol).toBe(V1_PROTOCOL);
    expect(await noDelay).toBe(true);
    expect((await open(id, '', NUMBERED_PROTOCOL)).ws.protocol).toBe(NUMBERED_PROTOCOL);
    expect((await open(id)).ws.protocol).toBe('');
  });
});

describe.each([
  ['v1', V1_PROTOCOL],
  ['numbered', NUMBERED_PROTOCOL],
  ['legacy', undefined],
])('a client of the %s framing', (_name, protocol) => {
  it('exchanges messages with its kernel, buffers too', async () => {
    serve();
    const client = await attach(ready(), 's', protocol);
    client.send(execute('m1', 'print(1)'));
    const input = await agent.inputs.next();
    expect(input).toMatchObject({ session: 's', number: 1 });
    expect(JSON.parse(unpackV1(input.frame).content.toString())).toEqual({ code: 'print(1)', silent: false });
    const buffers = [Buffer.from([0, 0xff, 0xfe]), Buffer.alloc(1_000_000, 0x80)];
    agent.emit(v1Message('iopub', 'comm_msg', { comm_id: 'c' }, { parent: 'm1', buffers }));
    agent.emit(reply('m1'));
    expect(await client.type('comm_msg')).toMatchObject({ parent: 'm1', content: { comm_id: 'c' } });
    const seen = (await client.type('comm_msg')).buffers;
    expect(seen.map((buffer, index) => buffer.equals(buffers[index] as Buffer))).toEqual([true, true]);
    expect(await client.type('execute_reply')).toMatchObject({ channel: 'shell', parent: 'm1' });
  });
});

describe('the two binary traps', () => {
  it('never sends a notebook server a binary frame, and tells the user once per request what was left out', async () => {
    serve();
    const client = await attach(ready(), 's', undefined, TORNADO);
    const withBuffer = (parent: string) =>
      agent.emit(v1Message('iopub', 'comm_msg', {}, { parent, buffers: [Buffer.from([0xff, 0xfe])] }));
    withBuffer('a');
    withBuffer('a');
    withBuffer('b');
    agent.emit(printed('end'));
    await client.messages.find(({ content }) => content['text'] === 'end');
    expect(client.messages.all.some(({ binary }) => binary)).toBe(false);
    const notices = client.messages.all.filter(({ content }) => content['name'] === 'stderr');
    expect(notices.map(({ parent }) => parent)).toEqual(['a', 'b']);
    expect(notices[0]?.content['text']).toMatch(/1 binary buffer.* 2 bytes in a comm_msg/);
  });

  it("understands a browser's binary frame that was forwarded with the text opcode", async () => {
    serve();
    const client = await attach(ready(), 's', undefined, TORNADO);
    const buffers = [Buffer.from([0xff, 0xfe, 0x00, 0x80])];
    const frame = legacyBinary(unpackV1(v1Message('shell', 'comm_msg', { comm_id: 'c' }, { buffers })));
    client.ws.send(frame, { binary: false });
    expect(unpackV1((await agent.inputs.next()).frame).buffers).toEqual(buffers);
    expect(client.ws.readyState).toBe(1);
  });
});

describe('a message that is none', () => {
  it.each(['{"header":', '{"header":{"msg_id":"a","msg_type":"t"},"channel":"iopub"}', '\0\0\0'])(
    'is answered with a readable notice and harms nothing: %j',
    async (text) => {
      serve();
      const client = await attach(ready(), 's');
      client.ws.send(text);
      expect((await client.type('stream')).content['text']).toMatch(/ignored a message/);
      client.send(execute('m1'));
      expect((await agent.inputs.next()).number).toBe(1);
    },
  );

  it('from a kernel is left out', async () => {
    serve();
    const client = await attach(ready(), 's');
    agent.emit(Buffer.from('no message at all'));
    agent.emit(printed('after'));
    expect((await client.type('stream')).content['text']).toBe('after');
  });
});

describe('a kernel that waits', () => {
  const queued = (position: number) => ({
    position,
    of: 5,
    reason: 'capacity' as const,
    text: `Queued: position ${position} of 5. All CPUs are in use.`,
    expectedStart: null,
  });

  it('keeps what is sent in order, shows the wait in the first cell, and takes it away before the output', async () => {
    serve();
    kernels.explanation = queued(2);
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(v1Message('shell', 'kernel_info_request', {}, { id: 'info' }));
    client.send(execute('m1'));
    client.send(execute('m2'));
    const shown = await client.type('display_data');
    expect(shown.parent).toBe('m1');
    const data = shown.content['data'] as Record<string, string>;
    expect(data['text/plain']).toBe(
      'Queued: position 2 of 5.\nAll CPUs are in use.\n' +
        'Interrupt takes waiting cells back and keeps the place; shutting the kernel down gives the place up.',
    );
    expect(data['text/html']).toMatch(/^<div><strong>Queued: position 2 of 5\.<\/strong><br>All CPUs are in use\.<br>/);
    kernels.explanation = queued(1);
    const updated = await client.type('update_display_data');
    expect(updated.content['transient']).toEqual(shown.content['transient']);
    expect(JSON.stringify(updated.content)).toContain('position 1 of 5');
    kernels.start(id, agent);
    for (const [index, expected] of ['info', 'm1', 'm2'].entries()) {
      const { frame, number } = await agent.inputs.next();
      expect(JSON.parse(unpackV1(frame).header.toString()).msg_id).toBe(expected);
      expect(number).toBe(index + 1);
    }
    agent.emit(printed('out', 'm1'));
    await client.type('stream');
    expect(client.types()).toEqual([
      'status starting',
      'status busy',
      'display_data',
      'update_display_data',
      'clear_output',
      'stream',
    ]);
    const looks = kernels.explained;
    agent.emit(printed('still no look'));
    await client.messages.find(({ content }) => content['text'] === 'still no look');
    expect(kernels.explained).toBe(looks);
  });

  it('shows nothing of a name that would be markup, or steer a terminal', async () => {
    serve();
    kernels.explanation = { ...queued(1), text: 'Queued. <img src=x onerror="a()">\x1b[31m has & holds.' };
    const client = await open(kernels.add().id, 'session_id=s', V1_PROTOCOL);
    client.send(execute('m1'));
    const data = (await client.type('display_data')).content['data'] as Record<string, string>;
    expect(data['text/html']).toContain('<br>&lt;img src=x onerror=&quot;a()&quot;&gt; [31m has &amp; holds.<br>');
    expect(data['text/plain']).not.toContain('\x1b');
  });

  it('keeps the notice until the kernel answers, however long its process takes to start', async () => {
    serve();
    kernels.explanation = queued(1);
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(execute('m1'));
    await client.type('display_data');
    kernels.explanation = { ...queued(1), reason: 'launching', text: 'The kernel has its place and is starting.' };
    kernels.start(id, agent);
    await agent.inputs.next();
    agent.emit(v1Message('iopub', 'status', { execution_state: 'starting' }));
    const isStarting = (content: object) => JSON.stringify(content).includes('is starting.');
    await client.messages.find(({ type, content }) => type === 'update_display_data' && isStarting(content));
    expect(client.types()).not.toContain('clear_output');
    agent.emit(v1Message('iopub', 'status', { execution_state: 'busy' }, { parent: 'm1' }));
    agent.emit(printed('out', 'm1'));
    await client.type('stream');
    expect(client.types().slice(-3)).toEqual(['clear_output', 'status busy', 'stream']);
  });

  it.each(['shell', 'control'])('is introduced on %s by what an earlier kernel said, once', async (channel) => {
    serve();
    kernels.info = info;
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(v1Message(channel, 'kernel_info_request', {}, { id: 'info' }));
    const answer = await client.type('kernel_info_reply');
    expect(answer).toMatchObject({ channel, parent: 'info', content: { status: 'ok', ...info, help_links: [] } });
    client.send(execute('m1'));
    await client.type('display_data');
    expect(client.types().slice(0, 5)).toEqual([
      'status starting',
      'status busy',
      'kernel_info_reply',
      'status idle',
      'status starting',
    ]);
    kernels.start(id, agent);
    const { frame } = await agent.inputs.next();
    expect(JSON.parse(unpackV1(frame).header.toString()).msg_id).toBe('m1');
    agent.emit(reply('m1'));
    await client.type('execute_reply');
    expect(client.types().filter((type) => type === 'kernel_info_reply')).toHaveLength(1);
  });

  it('answers for itself what it was sent before somebody else could', async () => {
    serve();
    let found = (_: typeof info) => {};
    kernels.infoFor = () => new Promise((resolve) => (found = resolve));
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(v1Message('shell', 'kernel_info_request', {}, { id: 'info' }));
    client.send(execute('m1'));
    await client.type('display_data');
    kernels.start(id, agent);
    await agent.inputs.find(({ number }) => number === 2);
    found(info);
    agent.emit(v1Message('shell', 'kernel_info_reply', { banner: 'the kernel' }, { parent: 'info' }));
    agent.emit(reply('m1'));
    await client.type('execute_reply');
    const replies = client.messages.all.filter(({ type }) => type === 'kernel_info_reply');
    expect(replies.map(({ content }) => content['banner'])).toEqual(['the kernel']);
  });

  it('is introduced to the next socket of a session whose first one went before the answer', async () => {
    serve();
    const { id } = kernels.add();
    const older = await open(id, 'session_id=s', V1_PROTOCOL);
    older.send(v1Message('shell', 'kernel_info_request', {}, { id: 'info' }));
    older.send(execute('m1'));
    await older.type('display_data');
    older.ws.terminate();
    await gone();
    kernels.info = info;
    const newer = await open(id, 'session_id=s', V1_PROTOCOL);
    expect((await newer.type('kernel_info_reply')).parent).toBe('info');
  });

  it('gives the waiting cells back when it is interrupted, keeps everything else, and takes new ones', async () => {
    serve();
    kernels.explanation = queued(1);
    const { id } = kernels.add();
    const [client, other] = [await open(id, 'session_id=s', V1_PROTOCOL), await open(id, 'session_id=t', V1_PROTOCOL)];
    client.send(execute('m1'));
    client.send(v1Message('shell', 'comm_msg', { comm_id: 'c' }, { id: 'kept' }));
    client.send(execute('m2'));
    other.send(execute('theirs'));
    await client.type('display_data');
    await other.type('display_data');
    kernels.interrupt(id);
    const second = await client.messages.find(({ type, parent }) => type === 'execute_reply' && parent === 'm2');
    expect(second.content).toEqual({ status: 'aborted' });
    const error = await client.type('error');
    expect(error).toMatchObject({ parent: 'm1', content: { ename: 'KeyboardInterrupt' } });
    expect(error.content['evalue']).toMatch(/taken back before it ran.*keeps its place/);
    const types = client.types();
    expect(types.indexOf('clear_output')).toBeLessThan(types.indexOf('error'));
    expect((await other.type('error')).parent).toBe('theirs');
    client.send(execute('m3'));
    await client.messages.find(({ type, parent }) => type === 'display_data' && parent === 'm3');
    kernels.start(id, agent);
    const ids = [await agent.inputs.next(), await agent.inputs.next()].map(
      ({ frame }) => JSON.parse(unpackV1(frame).header.toString()).msg_id as string,
    );
    expect(ids).toEqual(['kept', 'm3']);
  });

  it('answers an interrupt that comes as a message', async () => {
    serve();
    const client = await open(kernels.add().id, 'session_id=s', V1_PROTOCOL);
    client.send(execute('m1'));
    client.send(v1Message('control', 'interrupt_request', {}, { id: 'stop' }));
    expect(await client.type('interrupt_reply')).toMatchObject({ channel: 'control', parent: 'stop' });
    expect((await client.type('error')).content['ename']).toBe('KeyboardInterrupt');
  });

  it('looks for an explanation only when a cell waits', async () => {
    serve();
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(v1Message('shell', 'kernel_info_request', {}));
    client.send(v1Message('shell', 'execute_request', { code: '1', silent: true }));
    kernels.change(id, { phase: 'launching' });
    kernels.start(id, agent);
    await agent.inputs.next();
    await agent.inputs.next();
    expect(kernels.explained).toBe(0);
  });

  it('stops reading a client that sent more than is kept, and loses nothing', async () => {
    serve({ pendingBytes: 200_000 });
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    const code = 'x'.repeat(100_000);
    const count = 300;
    for (let index = 0; index < count; index += 1) client.send(execute(`m${index}`, code));
    await quiet(200);
    expect(client.ws.bufferedAmount).toBeGreaterThan(10_000_000);
    kernels.start(id, agent);
    await agent.inputs.find(({ number }) => number === count);
    expect(agent.inputs.all.map(({ number }) => number)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });

  it('keeps what was sent for the next socket of the session when the link flaps', async () => {
    serve();
    const { id } = kernels.add();
    const older = await open(id, 'session_id=s', V1_PROTOCOL);
    older.send(execute('m1'));
    await older.type('display_data');
    older.ws.terminate();
    await gone();
    const newer = await open(id, 'session_id=s', V1_PROTOCOL);
    expect((await newer.type('display_data')).parent).toBe('m1');
    kernels.start(id, agent);
    expect(JSON.parse(unpackV1((await agent.inputs.next()).frame).header.toString()).msg_id).toBe('m1');
  });

  it('opens no stream for a socket that was replaced and does not close', async () => {
    serve();
    const { id } = kernels.add();
    const older = await open(id, 'session_id=s', V1_PROTOCOL);
    older.ws.pause();
    await open(id, 'session_id=s', V1_PROTOCOL);
    expect(metrics.sockets).toBe(2);
    kernels.start(id, agent);
    await agent.hellos.next();
    await quiet(50);
    expect(agent.hellos.all).toHaveLength(1);
  });

  it('hands what an older socket of the session had sent to the newer one', async () => {
    serve();
    const { id } = kernels.add();
    const older = await open(id, 'session_id=s', V1_PROTOCOL);
    older.send(execute('m1'));
    await older.type('display_data');
    const newer = await open(id, 'session_id=s', V1_PROTOCOL);
    expect((await older.closed).code).toBe(1012);
    kernels.start(id, agent);
    expect(JSON.parse(unpackV1((await agent.inputs.next()).frame).header.toString()).msg_id).toBe('m1');
    agent.emit(reply('m1'));
    await newer.type('execute_reply');
  });
});

describe('the end of a kernel', () => {
  it('answers every open request with the reason and then says dead', async () => {
    serve();
    const id = ready();
    const client = await attach(id, 's', V1_PROTOCOL);
    client.send(execute('done'));
    client.send(execute('m1'));
    await agent.inputs.find(({ number }) => number === 2);
    agent.emit(reply('done'));
    agent.emit(printed('last words', 'm1'));
    agent.emitEvent({ event: 'exit', code: null, signal: 9 });
    kernels.end(id, 'out-of-memory', 'It may use 4 GiB.');
    await client.messages.find(({ content }) => content['execution_state'] === 'dead');
    expect(client.types()).toEqual(['execute_reply', 'stream', 'error', 'execute_reply', 'status idle', 'status dead']);
    const error = await client.type('error');
    expect(error).toMatchObject({ parent: 'm1', content: { ename: 'KernelEnded' } });
    expect(error.content['evalue']).toBe(
      'The kernel was ended because it used more memory than it may. It may use 4 GiB.',
    );
  });

  it('comes in time even when the agent says nothing', async () => {
    serve();
    const id = ready();
    const client = await attach(id, 's', undefined, TORNADO);
    client.send(execute('m1'));
    await agent.inputs.next();
    const start = performance.now();
    kernels.end(id, 'node-lost');
    await client.messages.find(({ content }) => content['execution_state'] === 'dead');
    expect(performance.now() - start).toBeLessThan(1000);
    expect((await client.type('error')).content['evalue']).toMatch(/lost/);
  });

  it('before it ever ran tells the waiting cell, answers later ones at once, and then closes for good', async () => {
    serve({ timing: { linger: 300 } });
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(execute('m1'));
    await client.type('display_data');
    kernels.end(id, 'launch-failed', 'No such file: python3.');
    expect((await client.type('error')).content['evalue']).toMatch(/could not be started. No such file/);
    client.send(execute('m2'));
    await client.messages.find(({ type, parent }) => type === 'execute_reply' && parent === 'm2');
    expect((await client.closed).code).toBe(1000);
  });

  it('is told in the first cell to a client that comes only then', async () => {
    serve();
    const detail = 'No such file: python3.';
    const { id } = kernels.add({ phase: 'ended', endReason: 'launch-failed', detail, endedAt: Date.now() });
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    // A notebook asks this first, and sends its cells upon any answer.
    client.send(v1Message('shell', 'kernel_info_request', {}, { id: 'info' }));
    expect((await client.type('kernel_info_reply')).content['status']).toBe('error');
    expect(client.types()).not.toContain('status dead');
    client.send(execute('m1'));
    await client.messages.find(({ content }) => content['execution_state'] === 'dead');
    expect((await client.type('error')).content['evalue']).toMatch(/could not be started. No such file/);
    expect(client.types().at(-1)).toBe('status dead');
  });

  it('refuses those who come long after it, or after a shutdown', async () => {
    serve();
    const ended = { phase: 'ended', endReason: 'culled', endedAt: Date.now() } as const;
    for (const gone of [{ endedAt: Date.now() - 3_600_001 }, { endReason: 'shut-down' as const }]) {
      const { id } = kernels.add({ ...ended, ...gone });
      await expect(open(id, 'session_id=s', V1_PROTOCOL)).rejects.toThrow(/404/);
    }
  });

  it('is taken back when the kernel enters the queue anew, and nothing failed is run', async () => {
    serve();
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(execute('failed'));
    await client.type('display_data');
    kernels.end(id, 'crashed');
    await client.type('error');
    kernels.change(id, { phase: 'queued', endReason: null });
    client.send(execute('again'));
    kernels.start(id, agent);
    expect(JSON.parse(unpackV1((await agent.inputs.next()).frame).header.toString()).msg_id).toBe('again');
  });

  it('and then a restart: what is asked from then on runs on the new agent, and is not failed as lost', async () => {
    serve();
    const id = ready();
    const client = await attach(id, 's', V1_PROTOCOL);
    client.send(execute('m1'));
    await agent.inputs.next();
    kernels.end(id, 'node-lost');
    await client.messages.find(({ content }) => content['execution_state'] === 'dead');
    next = await FakeAgent.listen('epoch-2');
    kernels.change(id, { phase: 'queued', endReason: null, endpoint: null });
    client.send(execute('m2'));
    kernels.start(id, next);
    expect(JSON.parse(unpackV1((await next.inputs.next()).frame).header.toString()).msg_id).toBe('m2');
    next.emit(reply('m2'));
    const answer = await client.messages.find(({ type, parent }) => type === 'execute_reply' && parent === 'm2');
    expect(answer.content['status']).toBe('ok');
    expect(client.types()).not.toContain('status restarting');
  });

  it('that is started again by itself tells why after the last output, then `restarting`, and runs what is asked next', async () => {
    serve();
    const id = ready();
    const client = await attach(id, 's', V1_PROTOCOL);
    client.send(execute('m1'));
    await agent.inputs.next();
    const detail = 'The kernel was ended because it used more than its 4.0 GiB of memory.';
    kernels.change(id, { executionState: 'restarting', detail });
    agent.emit(printed('last words', 'm1'));
    await client.type('stream');
    client.send(execute('m2'));
    // So that the server has had it before the news of the end.
    client.send(v1Message('shell', 'comm_msg', {}, { id: '' }));
    await client.messages.find(({ content }) => String(content['text']).includes('ignored'));
    agent.emitEvent({ event: 'exit', code: null, signal: 9 });
    agent.emit(v1Message('iopub', 'status', { execution_state: 'restarting' }));
    const { frame } = await agent.inputs.next();
    expect(JSON.parse(unpackV1(frame).header.toString()).msg_id).toBe('m2');
    await client.messages.find(({ content }) => content['execution_state'] === 'starting');
    const error = await client.type('error');
    expect(error).toMatchObject({ parent: 'm1', content: { ename: 'KernelDied' } });
    expect(error.content['evalue']).toBe(`${detail} It was started again; its variables are lost.`);
    const types = client.types();
    expect(types.indexOf('stream')).toBeLessThan(types.indexOf('error'));
    expect(types.slice(types.indexOf('error'))).toEqual([
      'error',
      'execute_reply',
      'status idle',
      'status restarting',
      'status starting',
    ]);
  });

  it('by a restart fails what the old process had, and keeps what is asked from then on for the new one', async () => {
    serve();
    const id = ready();
    const client = await attach(id, 's', V1_PROTOCOL);
    client.send(execute('m1'));
    await agent.inputs.next();
    kernels.change(id, { executionState: 'restarting' });
    expect((await client.type('error')).content['ename']).toBe('KernelRestarted');
    client.send(execute('m2'));
    await quiet(20);
    expect(agent.inputs.all).toHaveLength(1);
    agent.emit(v1Message('iopub', 'status', { execution_state: 'restarting' }));
    await agent.inputs.next();
    await client.messages.find(({ content }) => content['execution_state'] === 'starting');
    // Never `restarting`: JupyterLab would drop m2 and say that the kernel died.
    expect(client.types()).toEqual(['error', 'execute_reply', 'status idle', 'status starting']);
  });
});

describe('what the client confirmed', () => {
  it('is acknowledged, and nothing else', async () => {
    serve();
    const client = await attach(ready(), 's', V1_PROTOCOL);
    client.ws.pause();
    for (let index = 0; index < 100; index += 1) agent.emit(printed(String(index)));
    await quiet(100);
    expect(agent.acked('s')).toBe(0);
    client.ws.resume();
    await agent.acks.find(({ seq }) => seq === 100);
    expect(agent.acks.all.map(({ seq }) => seq)).toEqual([32, 64, 96, 100]);
  });

  it('includes events, and pongs that nobody asked for are ignored', async () => {
    serve();
    const client = await attach(ready(), 's', V1_PROTOCOL);
    client.ws.pong('1000000');
    client.ws.pong('nonsense');
    agent.emitEvent({ event: 'ready', pid: 1 });
    expect((await agent.acks.next()).seq).toBe(1);
  });
});

describe('a client that comes back', () => {
  it('and states what it saw has each message once, and no input runs twice', async () => {
    serve();
    const id = ready();
    const first = await attach(id, 's', NUMBERED_PROTOCOL);
    const { epoch, inputLast } = (await first.told.next())['welcome'] as { epoch: string; inputLast: number };
    expect(inputLast).toBe(0);
    first.send(execute('m1'), 1);
    await agent.inputs.next();
    agent.emit(printed('1'));
    agent.emit(printed('2'));
    await first.messages.find(({ seq }) => seq === 2);
    first.ws.terminate();
    agent.emit(printed('3'));
    const second = await open(id, `session_id=s&epoch=${epoch}&seen=2`, NUMBERED_PROTOCOL);
    second.send(execute('m1'), 1);
    second.send(execute('m2'), 2);
    agent.emitEvent({ event: 'ready', pid: 2 });
    agent.emit(reply('m1'));
    await second.type('execute_reply');
    expect(second.messages.all.map(({ seq }) => seq)).toEqual([3, 5]);
    expect(await second.told.find((told) => 'event' in told)).toEqual({ event: 'ready', pid: 2, seq: 4 });
    expect(await second.told.next()).toMatchObject({ welcome: { inputLast: 1, epoch } });
    await agent.inputs.find(({ number }) => number === 2);
    expect(agent.inputs.all.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('for the first time is told after which number it is sent what comes, and what the agent took of its input', async () => {
    serve();
    agent.emit(printed('before'));
    const client = await attach(ready(), 's', NUMBERED_PROTOCOL);
    expect((await client.told.next())['welcome']).toMatchObject({ first: 1, last: 1, from: 1 });
    for (let number = 1; number <= 40; number += 1) client.send(execute(`m${number}`), number);
    const { inputLast } = (await client.told.find((told) => 'inputLast' in told)) as { inputLast: number };
    expect(inputLast).toBeGreaterThanOrEqual(32);
    expect(agent.inputs.all.length).toBeGreaterThanOrEqual(inputLast);
  });

  it('with another ring is told that the kernel restarted', async () => {
    serve();
    const client = await open(ready(), 'session_id=s&epoch=gone&seen=7', NUMBERED_PROTOCOL);
    expect((await client.type('status')).content['execution_state']).toBe('restarting');
    expect((await client.told.next())['welcome']).toMatchObject({ epoch: 'epoch-1' });
  });

  it('as a stock client gets again what it had not confirmed', async () => {
    serve();
    const id = ready();
    const first = await attach(id, 's');
    first.ws.pause();
    agent.emit(printed('unconfirmed'));
    await quiet(50);
    first.ws.terminate();
    const second = await open(id, 'session_id=s');
    expect((await second.type('stream')).content['text']).toBe('unconfirmed');
  });

  it.each([
    ['v1', V1_PROTOCOL, {}],
    ['legacy', undefined, {}],
    ['a stock notebook server', undefined, TORNADO],
    ['numbered', NUMBERED_PROTOCOL, {}],
  ])('of %s that is new may ask for what the ring holds', async (_case, protocol, headers) => {
    serve();
    agent.emit(printed('before it came'));
    const client = await open(ready(), 'session_id=new&seen=0', protocol, headers);
    expect((await client.type('stream')).content['text']).toBe('before it came');
    expect(await agent.hellos.next()).toMatchObject({ session: 'new', seen: 0 });
  });

  it('that the client did not name is ephemeral, and goes on where it was when its stream breaks', async () => {
    serve();
    agent.emit(printed('before it came'));
    const client = await open(ready(), '', V1_PROTOCOL);
    const hello = await agent.hellos.next();
    expect(hello).toMatchObject({ ephemeral: true });
    expect(hello).not.toHaveProperty('seen');
    agent.emit(printed('one'));
    await client.messages.find(({ content }) => content['text'] === 'one');
    agent.breakStreams();
    agent.emit(printed('two'));
    expect(await agent.hellos.next()).toMatchObject({ session: hello['session'], epoch: agent.epoch, seen: 2 });
    await client.messages.find(({ content }) => content['text'] === 'two');
    const texts = client.messages.all.flatMap(({ type, content }) => (type === 'stream' ? [content['text']] : []));
    expect(texts).toEqual(['one', 'two']);
  });

  it('that the client named is kept', async () => {
    serve();
    await attach(ready(), 's', V1_PROTOCOL);
    expect((await agent.hellos.next())['ephemeral']).toBeUndefined();
  });

  it('replaces its older socket, which is told to come back rather than that it is over', async () => {
    serve();
    const id = ready();
    const older = await attach(id, 's', V1_PROTOCOL);
    const newer = await open(id, 'session_id=s', V1_PROTOCOL);
    expect(await older.closed).toMatchObject({ code: 1012 });
    newer.send(execute('m1'));
    await agent.inputs.next();
    agent.emit(reply('m1'));
    await newer.type('execute_reply');
    expect(metrics.sockets).toBe(1);
    expect(kernels.listeners(id)).toBe(1);
  });
});

describe('a stream that breaks under a living kernel', () => {
  it('is opened again, with nothing lost or doubled in either direction', async () => {
    serve({ timing: { retryFirst: 5 } });
    const client = await attach(ready(), 's', NUMBERED_PROTOCOL);
    for (let index = 1; index <= 50; index += 1) {
      if (index % 20 === 0) agent.breakStreams();
      client.send(execute(`m${index}`));
      agent.emit(printed(String(index)));
    }
    await agent.inputs.find(({ number }) => number === 50);
    await client.messages.find(({ seq }) => seq === 50);
    expect(agent.inputs.all.map(({ frame }) => JSON.parse(unpackV1(frame).header.toString()).msg_id)).toEqual(
      Array.from({ length: 50 }, (_, index) => `m${index + 1}`),
    );
    expect(client.messages.all.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });
});

describe('a slow client', () => {
  it('holds its kernel back and then has everything', async () => {
    serve();
    const client = await attach(ready(), 's', V1_PROTOCOL);
    client.ws.pause();
    const text = 'x'.repeat(1_000_000);
    for (let index = 0; index < 60; index += 1) agent.emit(printed(text));
    await quiet(200);
    // What went on is what the gateway and the sockets between hold.
    expect(agent.backlog('s')).toBeGreaterThan(20_000_000);
    client.ws.resume();
    await client.messages.find(() => client.messages.all.length === 60);
    expect(client.messages.all).toHaveLength(60);
  });
});

it('closes the sockets of a revoked token, and only those', async () => {
  serve();
  const id = ready();
  const client = await open(id, 'session_id=s');
  kernels.revoke('another');
  kernels.revoke('token-1');
  expect(await client.closed).toMatchObject({ code: 1008 });
});

it('tells clients to come back when it shuts down', async () => {
  serve();
  const client = await open(ready(), 'session_id=s');
  server.beforeApplicationShutdown();
  expect((await client.closed).code).toBe(1012);
});

it('ends a socket whose client does not answer pings', async () => {
  serve({ pingIntervalSeconds: 0.02 });
  const client = await open(ready(), 'session_id=s');
  client.ws.pause();
  await gone();
  expect(client.ws.readyState).toBe(1);
});

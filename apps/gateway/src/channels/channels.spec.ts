import { type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { legacyBinary, NUMBERED_PROTOCOL, unpackV1, V1_PROTOCOL } from '#libs/jupyter';
import { v1Message } from '#libs/testing';
import {
  agent,
  attach,
  counts,
  execute,
  http,
  kernels,
  metrics,
  open,
  printed,
  ready,
  reply,
  serve,
  TORNADO,
} from './channel-stage.js';

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

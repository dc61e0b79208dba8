import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  AgentCallError,
  AgentStream,
  FrameParser,
  FrameType,
  HEADER_BYTES,
  packJsonFrame,
  writeFrameHeader,
} from '../index.js';
import { allocateBody, recycleBody } from './large-bodies.js';

const welcome = { v: 1, epoch: 'e1', first: 1, last: 0, inputLast: 4, state: 'idle', pid: 1, claimed: true };

const messageFrame = (number: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  writeFrameHeader(header, FrameType.message, number, body.length);
  return Buffer.concat([header, body]);
};

describe('FrameParser', () => {
  it.each([false, true])('gives the same frames however the bytes are cut (shared memory: %s)', (shared) =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 2 ** 40 }), fc.uint8Array({ maxLength: 60 })), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(([number, body]) => messageFrame(number, Buffer.from(body))));
          const read: [number, Buffer][] = [];
          const parser = new FrameParser((_type, number, body) => read.push([number, body]));
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = cuts[turn % cuts.length] as number;
            const chunk = Buffer.from(bytes.subarray(at, at + size));
            parser.push(chunk, shared);
            if (shared) chunk.fill(0);
            at += size;
          }
          expect(read.map(([number, body]) => [number, Uint8Array.from(body)])).toEqual(frames);
        },
      ),
    ),
  );

  it('refuses a body over the limit', () => {
    const header = Buffer.alloc(HEADER_BYTES);
    writeFrameHeader(header, FrameType.event, 1, 2 ** 20 + 1);
    expect(() => new FrameParser(() => {}).push(header)).toThrow(/over the limit/);
  });
});

describe('AgentStream', () => {
  let folder: string;
  let server: Server;
  let accepted: Promise<{ socket: Socket; received: { type: number; number: number; body: Buffer }[] }>;
  let heard: (type: number) => Promise<{ number: number; body: Buffer }>;
  const connect = () =>
    AgentStream.connect({
      socket: join(folder, 'agent'),
      token: 't',
      role: 'client',
      session: 's',
      epoch: 'e',
      seen: 3,
    });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stream-'));
    server = createServer();
    const waiting: { type: number; tell: (frame: { number: number; body: Buffer }) => void }[] = [];
    const received: { type: number; number: number; body: Buffer }[] = [];
    heard = (type) => {
      const index = received.findIndex((frame) => frame.type === type);
      if (index >= 0) return Promise.resolve(received.splice(index, 1)[0] as { number: number; body: Buffer });
      return new Promise((tell) => waiting.push({ type, tell }));
    };
    accepted = new Promise((resolve) => {
      server.on('connection', (socket) => {
        const parser = new FrameParser((type, number, body) => {
          const index = waiting.findIndex((one) => one.type === type);
          if (index >= 0) waiting.splice(index, 1)[0]?.tell({ number, body });
          else received.push({ type, number, body });
        });
        socket.on('data', (chunk) => parser.push(chunk as Buffer));
        socket.on('error', () => {});
        resolve({ socket, received });
      });
    });
    server.listen(join(folder, 'agent'));
    await once(server, 'listening');
  });

  afterEach(async () => {
    (await accepted).socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('says who it is and what its client saw, and tells the welcome', async () => {
    const stream = connect();
    expect(JSON.parse((await heard(FrameType.hello)).body.toString())).toEqual({
      v: 1,
      token: 't',
      role: 'client',
      session: 's',
      epoch: 'e',
      seen: 3,
    });
    (await accepted).socket.write(packJsonFrame(FrameType.welcome, 0, welcome));
    expect(await stream.opened()).toEqual(welcome);
    stream.end();
  });

  it.each([
    [2, undefined],
    [3, 'The agent speaks version 3, not 1 to 2.'],
  ])('says which versions it speaks, and takes %i for an answer or not', async (v, refused) => {
    const versions = { oldest: 1, newest: 2 };
    const stream = AgentStream.connect({ socket: join(folder, 'agent'), token: 't', role: 'client', versions });
    const opened = stream.opened().then(
      (answer) => answer.v,
      (error: Error) => error.message,
    );
    expect(JSON.parse((await heard(FrameType.hello)).body.toString())).toMatchObject({ v: 1, upTo: 2 });
    (await accepted).socket.write(packJsonFrame(FrameType.welcome, 0, { ...welcome, v }));
    expect(await opened).toBe(refused ?? v);
    stream.end();
  });

  it('passes messages, events, acknowledgements and input with their numbers', async () => {
    const stream = connect();
    const { socket } = await accepted;
    const order: unknown[] = [];
    stream.on('message', (seq, frame) => order.push([seq, frame.toString()]));
    stream.on('event', (seq, event) => order.push([seq, event.event]));
    socket.write(
      Buffer.concat([
        packJsonFrame(FrameType.welcome, 0, welcome),
        messageFrame(8, Buffer.from('eight')),
        packJsonFrame(FrameType.event, 9, { event: 'exit', signal: 11 }),
      ]),
    );
    await once(stream, 'batch');
    expect(order).toEqual([
      [8, 'eight'],
      [9, 'exit'],
    ]);
    stream.ack(9);
    stream.send(5, Buffer.from('input'));
    stream.send(6, Buffer.alloc(300_000, 7));
    expect((await heard(FrameType.ack)).number).toBe(9);
    expect(await heard(FrameType.message)).toMatchObject({ number: 5, body: Buffer.from('input') });
    expect((await heard(FrameType.message)).body).toHaveLength(300_000);
    stream.end();
  });

  it('answers calls with their result, the refusal, or the end of the stream', async () => {
    const stream = connect();
    const { socket } = await accepted;
    const stats = stream.call('stats', { deep: true });
    const call = await heard(FrameType.call);
    expect(JSON.parse(call.body.toString())).toEqual({ verb: 'stats', deep: true });
    socket.write(packJsonFrame(FrameType.result, call.number, { rss: 5 }));
    expect(await stats).toEqual({ rss: 5 });
    const refused = stream.call('claim');
    socket.write(
      packJsonFrame(FrameType.result, (await heard(FrameType.call)).number, { error: 'not yours', code: 'forbidden' }),
    );
    await expect(refused).rejects.toMatchObject({ code: 'forbidden', message: 'not yours' });
    const left = stream.call('ping');
    socket.end(packJsonFrame(FrameType.bye, 0, { code: 'replaced', reason: 'a newer connection' }));
    await expect(left).rejects.toBeInstanceOf(AgentCallError);
  });

  it('tells why the agent ended it', async () => {
    const stream = connect();
    const opened = stream.opened();
    const closed = once(stream, 'close');
    (await accepted).socket.end(packJsonFrame(FrameType.bye, 0, { code: 'bad_token', reason: 'no' }));
    expect(await closed).toEqual([{ bye: { code: 'bad_token', reason: 'no' } }]);
    await expect(opened).rejects.toMatchObject({ code: 'bad_token' });
  });

  it('ends on a frame it cannot read, with the error', async () => {
    const stream = connect();
    const closed = once(stream, 'close');
    (await accepted).socket.write(Buffer.alloc(HEADER_BYTES, 0xff));
    expect(await closed).toEqual([{ error: expect.objectContaining({ code: 'malformed-message' }) }]);
  });

  it('asks to wait while the agent does not read, and says when it may go on', async () => {
    const stream = connect();
    const { socket } = await accepted;
    socket.pause();
    const body = Buffer.alloc(1024 * 1024);
    let number = 0;
    while (stream.send(++number, body)) if (number > 64) throw new Error('never asked to wait');
    const drained = once(stream, 'drain');
    socket.resume();
    await drained;
    expect(stream.send(number + 1, body)).toBe(true);
    stream.end();
  });

  it('reads 100,000 small frames that come at once, each and in order', async () => {
    const stream = connect();
    const { socket } = await accepted;
    const block = (first: number): Buffer =>
      Buffer.concat(Array.from({ length: 1000 }, (_, index) => messageFrame(first + index, Buffer.alloc(200, 1))));
    let count = 0;
    let inOrder = true;
    const all = new Promise<void>((resolve) => {
      stream.on('message', (number) => {
        count += 1;
        inOrder &&= number === count;
        if (count === 100_000) resolve();
      });
    });
    for (let index = 0; index < 100; index += 1) socket.write(block(index * 1000 + 1));
    await all;
    expect(inOrder).toBe(true);
    stream.end();
  });
});

it('rejects when nobody listens', async () => {
  const stream = AgentStream.connect({ socket: '/nonexistent/agent', token: 't', role: 'control', term: 1 });
  await expect(stream.opened()).rejects.toMatchObject({ code: 'stream_closed' });
});

describe('the pool of large bodies', () => {
  it('gives memory again that was given back, once', () => {
    const first = allocateBody(1_000_000);
    recycleBody(first);
    recycleBody(first);
    const second = allocateBody(900_000);
    expect(second.buffer).toBe(first.buffer);
    expect(allocateBody(900_000).buffer).not.toBe(first.buffer);
  });

  it('leaves every other buffer alone', () => {
    const own = Buffer.alloc(1_048_576);
    recycleBody(own);
    expect(allocateBody(1_048_576).buffer).not.toBe(own.buffer);
  });
});

import type { Socket } from 'node:net';
import { setTimeout as quiet } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Unauthenticated } from '#libs/contracts';
import { NUMBERED_PROTOCOL, unpackV1, V1_PROTOCOL } from '#libs/jupyter';
import {
  agent,
  attach,
  checks,
  execute,
  gone,
  kernels,
  metrics,
  open,
  printed,
  ready,
  reply,
  serve,
  server,
  TORNADO,
} from './channel-stage.js';

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
    expect(hello).toMatchObject({ ephemeral: true, since: expect.any(Number) });
    expect(hello).not.toHaveProperty('seen');
    agent.emit(printed('one'));
    await client.messages.find(({ content }) => content['text'] === 'one');
    agent.breakStreams();
    agent.emit(printed('two'));
    expect(await agent.hellos.next()).toMatchObject({
      session: hello['session'],
      epoch: agent.epoch,
      seen: 2,
      since: hello['since'],
    });
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
    serve({ timing: { setAside: 0 } });
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

describe('of two sockets of one session', () => {
  const idOf = ({ frame }: { frame: Buffer }) => JSON.parse(unpackV1(frame).header.toString()).msg_id;

  it('the one stays that was asked for last, whichever token is checked first', async () => {
    serve();
    const id = ready();
    const [asked, checked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    checks.set('root', () => {
      asked.resolve();
      return checked.promise;
    });
    const opening = open(id, 'session_id=s&token=root', V1_PROTOCOL);
    await asked.promise;
    const later = await attach(id, 's', V1_PROTOCOL);
    checked.resolve();
    const earlier = await opening;
    later.send(execute('m1'));
    await agent.inputs.next();
    agent.emit(reply('m1'));
    await later.type('execute_reply');
    expect(agent.hellos.all).toHaveLength(1);
    expect(earlier.messages.all).toEqual([]);
  });

  it('the one is served whose client speaks, wherever the other was opened: all that it says, and what it is owed', async () => {
    serve();
    const id = ready();
    const speaking = await attach(id, 's', V1_PROTOCOL);
    const silent = await attach(id, 's', V1_PROTOCOL);
    agent.emit(printed('owed'));
    await silent.type('stream');
    const { _socket: raw } = speaking.ws as unknown as { _socket: Socket };
    raw.cork();
    for (const request of ['m1', 'm2', 'm3']) speaking.send(execute(request));
    raw.uncork();
    await agent.inputs.find((input) => idOf(input) === 'm3');
    expect(agent.inputs.all.map(idOf)).toEqual(['m1', 'm2', 'm3']);
    agent.emit(reply('m3'));
    await speaking.type('execute_reply');
    expect(silent.types()).not.toContain('execute_reply');
    expect(speaking.ws.readyState).toBe(1);
    expect(metrics.sockets).toBe(1);
  });

  it('the one that speaks comes back when another gateway took its session', async () => {
    serve();
    const client = await attach(ready(), 's', V1_PROTOCOL);
    client.send(execute('m1'));
    await agent.inputs.next();
    agent.refusals.push({ code: 'replaced', reason: 'the session was opened again' });
    agent.breakStreams();
    await gone();
    client.send(execute('m2'));
    expect(idOf(await agent.inputs.next())).toBe('m2');
    agent.emit(reply('m2'));
    await client.type('execute_reply');
    const [first, , last] = agent.hellos.all;
    expect(Number(last?.['since'])).toBeGreaterThan(Number(first?.['since']));
  });

  it('the one comes back that spoke while another gateway took its session', async () => {
    serve({ timing: { retryMost: 50 } });
    const reason = 'the session was opened again';
    agent.refusals.push({ code: 'busy', reason }, { code: 'replaced', reason });
    const client = await attach(ready(), 's', V1_PROTOCOL);
    client.send(execute('m1'));
    expect(idOf(await agent.inputs.next())).toBe('m1');
    agent.emit(reply('m1'));
    await client.type('execute_reply');
    expect(agent.hellos.all).toHaveLength(3);
  });

  it('one that speaks with a token that is good no more is told to come again, and is not heard', async () => {
    serve();
    const id = ready();
    const older = await open(id, 'session_id=s', V1_PROTOCOL);
    await open(id, 'session_id=s&token=root', V1_PROTOCOL);
    await agent.hellos.find(() => agent.hellos.all.length === 2);
    checks.set('ada', () => Promise.reject(new Unauthenticated('The token was revoked.')));
    older.send(execute('m1'));
    expect(await older.closed).toMatchObject({ code: 1012 });
    expect(agent.inputs.all).toEqual([]);
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

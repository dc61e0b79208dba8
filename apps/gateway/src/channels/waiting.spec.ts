import { setTimeout as quiet } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { unpackV1, V1_PROTOCOL } from '#libs/jupyter';
import { v1Message } from '#libs/testing';
import { agent, execute, gone, info, kernels, metrics, open, printed, reply, serve } from './channel-stage.js';

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

  it('owes its first output to the clients that waited, and to no other', async () => {
    serve();
    const { id } = kernels.add();
    await open(id, 'session_id=waited', V1_PROTOCOL);
    kernels.start(id, agent);
    const waited = await agent.hellos.find(({ session }) => session === 'waited');
    expect(waited['waited']).toBe(true);
    await open(id, 'session_id=starting', V1_PROTOCOL);
    expect((await agent.hellos.find(({ session }) => session === 'starting'))['waited']).toBe(true);
    kernels.change(id, { phase: 'ready' });
    await open(id, 'session_id=late', V1_PROTOCOL);
    const late = await agent.hellos.find(({ session }) => session === 'late');
    expect(late).not.toHaveProperty('waited');
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

  it('shows the wait to a cell that is sent while its process starts, too', async () => {
    serve();
    kernels.explanation = { ...queued(1), reason: 'launching', text: 'The kernel has its place and is starting.' };
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    kernels.start(id, agent);
    client.send(execute('m1'));
    await agent.inputs.next();
    client.send(execute('m2'));
    const shown = await client.type('display_data');
    expect([shown.parent, JSON.stringify(shown.content)]).toEqual(['m1', expect.stringContaining('is starting.')]);
    agent.emit(printed('out', 'm1'));
    await client.type('stream');
    expect(client.types().slice(-2)).toEqual(['clear_output', 'stream']);
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

  it('keeps what was sent for an agent of another version until it is one that we speak to', async () => {
    serve();
    const { id } = kernels.add();
    const client = await open(id, 'session_id=s', V1_PROTOCOL);
    client.send(execute('m1'));
    await client.type('display_data');
    const reason = 'the agent speaks versions 2 to 3 of the stream, not 1 to 1';
    agent.refusals.push({ code: 'bad_version', reason }, { code: 'bad_version', reason });
    kernels.start(id, agent);
    expect(JSON.parse(unpackV1((await agent.inputs.next()).frame).header.toString()).msg_id).toBe('m1');
    expect(agent.hellos.all).toHaveLength(3);
    agent.emit(reply('m1'));
    await client.type('execute_reply');
  });

  it('opens no stream for a socket that was replaced and does not close', async () => {
    serve();
    const { id } = kernels.add();
    const older = await open(id, 'session_id=s', V1_PROTOCOL);
    older.ws.pause();
    await open(id, 'session_id=s', V1_PROTOCOL);
    expect(metrics.sockets).toBe(1);
    kernels.start(id, agent);
    await agent.hellos.next();
    await quiet(50);
    expect(agent.hellos.all).toHaveLength(1);
  });

  it('hands what an older socket of the session had sent to the newer one', async () => {
    serve({ timing: { setAside: 0 } });
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

import { setTimeout as quiet } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { unpackV1, V1_PROTOCOL } from '#libs/jupyter';
import { v1Message } from '#libs/testing';
import {
  agent,
  another,
  attach,
  execute,
  kernels,
  open,
  printed,
  ready,
  reply,
  serve,
  TORNADO,
} from './channel-stage.js';

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
    const next = await another('epoch-2');
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
    // It dies again before its row says that it is there.
    agent.emitEvent({ event: 'exit', code: null, signal: 9 });
    agent.emit(v1Message('iopub', 'status', { execution_state: 'restarting' }));
    const again = await client.messages.find(({ type, parent }) => type === 'error' && parent === 'm2');
    expect(again.content['evalue']).toBe(`${detail} It was started again; its variables are lost.`);
    const { all } = client.messages;
    await client.messages.find(
      (one) => all.indexOf(one) > types.length && one.content['execution_state'] === 'restarting',
    );
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

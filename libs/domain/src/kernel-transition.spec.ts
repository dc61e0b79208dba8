import { describe, expect, it } from '@jest/globals';
import type { EndReason, Kernel, KernelPhase } from '#libs/contracts';
import { aKernel, aSubmission } from '#libs/testing';
import type { Happening } from './happening.js';
import { queuedKernel, type Transition, transition } from './kernel-transition.js';

const NOW = 50_000;
const endpoint = { socket: '/run/a', clientToken: 'c', controlToken: 't' };
const exit = {
  kind: 'kernelExited',
  incarnation: 0,
  code: null,
  signal: null,
  outOfMemory: false,
  agentLost: false,
} as const;
const stop = { kind: 'stopAsked', reason: 'shut-down', detail: 'Asked for.' } as const;

const inPhase = (phase: KernelPhase, changes: Partial<Kernel> = {}): Kernel =>
  aKernel({
    phase,
    ...(phase === 'ready' ? { executionState: 'idle', readyAt: 3 } : {}),
    ...(phase === 'starting' || phase === 'ready' ? { endpoint } : {}),
    ...(phase === 'stopping' ? { endReason: 'culled', detail: 'Idle for a day.' } : {}),
    ...changes,
  });
const endedBy = (endReason: EndReason): Kernel => inPhase('ended', { endReason, endedAt: 4, executionState: 'dead' });

function become(kernel: Kernel, ...happenings: Happening[]): Kernel {
  return happenings.reduce((current, happening) => {
    const result = transition(current, happening, NOW);
    if (result.outcome === 'refused') throw result.problem;
    return result.kernel;
  }, kernel);
}
const outcome = (result: Transition): string => (result.outcome === 'refused' ? result.problem.code : result.outcome);

describe('life of a kernel', () => {
  it('goes from the queue to ready, noting when', () => {
    const kernel = become(
      queuedKernel(aSubmission(), 1),
      { kind: 'admitted' },
      { kind: 'launchTaken' },
      { kind: 'agentUp', endpoint },
      { kind: 'kernelReady', incarnation: 0 },
    );
    expect(kernel).toMatchObject({ phase: 'ready', executionState: 'idle', submittedAt: 1, admittedAt: NOW, endpoint });
    expect(kernel).toMatchObject({ readyAt: NOW, revision: 5 });
  });

  it('does not wait for the launcher to say that it took the launch', () => {
    expect(become(inPhase('admitted'), { kind: 'agentUp', endpoint }, { kind: 'launchTaken' }).phase).toBe('starting');
  });

  describe('of whose end its user was warned', () => {
    const ending = { at: 90_000, reason: 'culled', detail: 'Idle.' } as const;
    const warned = become(inPhase('ready', { lastActivityAt: 10 }), { kind: 'warned', ending });

    it.each<Happening>([
      { kind: 'activity', state: 'busy', at: 20 },
      { kind: 'activity', state: 'idle', at: 20 },
      { kind: 'kept' },
      { kind: 'spared' },
      { kind: 'restartAsked' },
      stop,
    ])('is not to end any more after %j', (happening) => {
      expect(warned.ending).toEqual(ending);
      expect(become(warned, happening).ending).toBeNull();
    });

    it('is so still after old news', () => {
      expect(become(warned, { kind: 'activity', state: 'idle', at: 10 })).toEqual(warned);
    });
  });

  it.each(['preempted', 'reservation'] as const)(
    'whose place is needed (%s) ends, whatever is done to it',
    (reason) => {
      const ending = { at: 90_000, reason, detail: 'Needed.' };
      for (const phase of ['admitted', 'launching', 'starting', 'ready'] as const)
        expect(become(inPhase(phase), { kind: 'warned', ending }).ending).toEqual(ending);
      const leaving = become(inPhase('ready'), { kind: 'warned', ending });
      expect(become(leaving, { kind: 'restartAsked' }).ending).toEqual(ending);
      expect(become(leaving, { kind: 'activity', state: 'busy', at: 80_000 }).ending).toEqual(ending);
      expect(become(leaving, { kind: 'spared' }).ending).toBeNull();
    },
  );

  it('that has not begun or is over is warned of nothing, and one that is over can not be kept', () => {
    const ending = { at: 90_000, reason: 'culled', detail: 'Idle.' } as const;
    for (const phase of ['queued', 'starting', 'stopping', 'ended'] as const) {
      expect(become(inPhase(phase), { kind: 'warned', ending }).ending).toBeNull();
    }
    expect(outcome(transition(inPhase('stopping'), { kind: 'kept' }, NOW))).toBe('conflict');
    expect(outcome(transition(endedBy('culled'), { kind: 'kept' }, NOW))).toBe('conflict');
  });

  it('shows idle and busy only once it is ready', () => {
    const busy = { kind: 'activity', state: 'busy', at: 60_000 } as const;
    expect(become(inPhase('starting'), busy)).toMatchObject({ executionState: 'starting', lastActivityAt: 60_000 });
    expect(become(inPhase('ready'), busy)).toMatchObject({ executionState: 'busy', lastActivityAt: 60_000 });
  });

  it('never lets its last activity go back', () => {
    const kernel = become(inPhase('ready', { lastActivityAt: 9_000 }), { kind: 'activity', state: 'busy', at: 8_000 });
    expect(kernel.lastActivityAt).toBe(9_000);
  });

  it('takes the endpoint of an adopted agent that changed', () => {
    const other = { ...endpoint, socket: '/run/b' };
    expect(become(inPhase('ready'), { kind: 'agentUp', endpoint: other })).toMatchObject({
      phase: 'ready',
      endpoint: other,
    });
  });

  it.each<[KernelPhase, Happening]>([
    ['admitted', { kind: 'admitted' }],
    ['starting', { kind: 'agentUp', endpoint }],
    ['ready', { kind: 'kernelReady', incarnation: 0 }],
    ['ended', exit],
    ['ended', { kind: 'agentUp', endpoint }],
    ['ended', { kind: 'kernelReady', incarnation: 0 }],
    ['ended', { kind: 'activity', state: 'idle', at: 90_000 }],
    ['ended', { kind: 'launchFailed', detail: 'x' }],
    ['ready', { kind: 'launchTimedOut' }],
    ['stopping', stop],
  ])('ignores in %s the repeated %o', (phase, happening) => {
    expect(transition(inPhase(phase), happening, NOW).outcome).toBe('unchanged');
  });

  it.each<KernelPhase>(['queued', 'admitted', 'launching'])(
    'ignores in %s the exit of an earlier life under the same id',
    (phase) => expect(transition(inPhase(phase), exit, NOW).outcome).toBe('unchanged'),
  );
});

describe('end of a kernel', () => {
  it.each([
    [{ outOfMemory: true, signal: 9 }, 'out-of-memory', /more than its 4\.0 GiB/],
    [{ agentLost: true }, 'node-lost', /agent/],
    [{ signal: 11 }, 'crashed', /SIGSEGV/],
    [{ signal: 40 }, 'crashed', /signal 40/],
    [{ code: 3 }, 'crashed', /code 3/],
    [{}, 'crashed', /nothing tells why/],
  ])('reads %o as %s', (fact, endReason, detail) => {
    const kernel = become(inPhase('ready'), { ...exit, ...fact });
    expect(kernel).toMatchObject({ phase: 'ended', endReason, executionState: 'dead', endedAt: NOW });
    expect(kernel.detail).toMatch(detail);
  });

  it('is for the reason asked, however it comes about', () => {
    for (const last of [exit, { ...exit, signal: 9 }, { kind: 'launchFailed', detail: 'no' } as const]) {
      expect(become(inPhase('stopping'), last)).toMatchObject({ endReason: 'culled', detail: 'Idle for a day.' });
    }
  });

  it('comes at once to a queued kernel, and through stopping to one that holds a place', () => {
    expect(become(inPhase('queued'), stop)).toMatchObject({ phase: 'ended', endReason: 'shut-down', endedAt: NOW });
    for (const phase of ['admitted', 'launching', 'starting', 'ready'] as const) {
      expect(become(inPhase(phase), stop)).toMatchObject({ phase: 'stopping', endReason: 'shut-down', endedAt: null });
    }
  });

  it('says what failed at the launch', () => {
    const kernel = become(inPhase('launching'), { kind: 'launchFailed', detail: 'No such interpreter.' });
    expect(kernel).toMatchObject({ phase: 'ended', endReason: 'launch-failed', detail: 'No such interpreter.' });
  });

  it('comes as launch-failed to a kernel that does not answer in time', () => {
    const kernel = become(inPhase('starting'), { kind: 'launchTimedOut' }, exit);
    expect(kernel).toMatchObject({ phase: 'ended', endReason: 'launch-failed' });
    expect(kernel.detail).toContain('within 60 s');
  });

  it('keeps the endpoint of a crashed kernel, whose agent still has its last output, and of no other', () => {
    expect(become(inPhase('ready'), { ...exit, signal: 11 }).endpoint).toEqual(endpoint);
    expect(become(inPhase('ready'), { ...exit, agentLost: true }).endpoint).toBeNull();
    expect(become(inPhase('ready'), stop, exit).endpoint).toBeNull();
  });
});

describe('restart of a kernel', () => {
  it('happens in place when its process died, with the reason until it answers again', () => {
    const again = { ...exit, signal: 11, again: true };
    const died = become(inPhase('ready'), again);
    expect(died).toMatchObject({ phase: 'ready', executionState: 'restarting', endpoint });
    expect(died.detail).toBe('The kernel was ended by SIGSEGV.');
    expect(become(died, { kind: 'kernelReady', incarnation: 1 })).toMatchObject({ executionState: 'idle', detail: '' });
    expect(become(died, { kind: 'restartAsked' })).toMatchObject({ executionState: 'restarting', detail: '' });
  });

  it('does not happen by itself without an agent, before it ever answered, or once it is to stop', () => {
    const again = { ...exit, signal: 11, again: true };
    expect(become(inPhase('ready'), { ...again, agentLost: true })).toMatchObject({ endReason: 'node-lost' });
    for (const phase of ['starting', 'stopping'] as const)
      expect(become(inPhase(phase), again)).toMatchObject({ phase: 'ended' });
  });

  it('is not touched by news of the process before, and ends with its own', () => {
    const kernel = become(inPhase('ready'), { kind: 'restartAsked' });
    expect(kernel.incarnation).toBe(1);
    const past = { ...exit, signal: 11, again: true };
    for (const news of [past, { kind: 'kernelReady', incarnation: 0 } as const])
      expect(transition(kernel, news, NOW).outcome).toBe('unchanged');
    expect(become(kernel, { ...past, incarnation: 1 })).toMatchObject({ incarnation: 2 });
    expect(become(kernel, { ...past, incarnation: null, agentLost: true })).toMatchObject({ endReason: 'node-lost' });
    expect(become(kernel, stop, past)).toMatchObject({ phase: 'ended' });
  });

  it('happens in place while it lives', () => {
    const kernel = become(inPhase('ready'), { kind: 'restartAsked' });
    expect(kernel).toMatchObject({ phase: 'ready', executionState: 'restarting' });
    expect(become(kernel, { kind: 'kernelReady', incarnation: 1 })).toMatchObject({
      phase: 'ready',
      executionState: 'idle',
    });
  });

  it.each<EndReason>(['crashed', 'out-of-memory', 'node-lost', 'launch-failed', 'culled', 'reclaimed'])(
    'puts one that ended by %s into the queue again under its id',
    (reason) => {
      const kernel = endedBy(reason);
      const again = become(kernel, { kind: 'restartAsked' });
      expect(again).toMatchObject({ id: kernel.id, phase: 'queued', endReason: null, endedAt: null, endpoint: null });
      expect(again.revision).toBe(kernel.revision + 1);
    },
  );

  it.each<EndReason>(['shut-down', 'admin', 'revoked'])('is refused after %s', (reason) => {
    expect(outcome(transition(endedBy(reason), { kind: 'restartAsked' }, NOW))).toBe('not-found');
  });

  it('is refused while it is being stopped, and nothing to do while it waits', () => {
    expect(outcome(transition(inPhase('stopping'), { kind: 'restartAsked' }, NOW))).toBe('conflict');
    expect(outcome(transition(inPhase('queued'), { kind: 'restartAsked' }, NOW))).toBe('unchanged');
  });

  it('is over for a crashed kernel once its owner has ended it', () => {
    const kernel = become(endedBy('crashed'), stop);
    expect(kernel).toMatchObject({ phase: 'ended', endReason: 'shut-down' });
    expect(outcome(transition(kernel, { kind: 'restartAsked' }, NOW))).toBe('not-found');
  });
});

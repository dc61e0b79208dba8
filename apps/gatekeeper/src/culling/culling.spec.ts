import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GatekeeperCommands, type Kernel, type KernelId, type KernelSubmission, LauncherFacts } from '#libs/contracts';
import { aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const endpoint = { socket: '/run/a', clientToken: 'c', controlToken: 't' };
const MINUTE = 60_000;
type Settings = ConstructorParameters<typeof GatekeeperStage>[2];
const culling = { idleSeconds: 600, busySeconds: 1200, warningSeconds: 60, cpuPercent: 2 };

let stage: GatekeeperStage;
/** What the agents say: since when in this state, by a clock of their own. */
const agents = new Map<KernelId, { state: 'idle' | 'busy'; since: number; cpuSeconds: number }>();

async function begin(settings: Settings = { culling }, scheduling = {}): Promise<void> {
  stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), scheduling, settings).start();
  answer();
}
function answer(): void {
  stage.launcher.usage = (id) => {
    const agent = agents.get(id);
    return agent
      ? { state: agent.state, quietMs: stage.clock.now() - agent.since, cpuSeconds: agent.cpuSeconds }
      : null;
  };
}
beforeEach(() => begin());
afterEach(async () => {
  agents.clear();
  await stage.stop();
});

async function ready(changes: Partial<KernelSubmission> = {}): Promise<Kernel> {
  const { id: kernelId } = await stage.client.send(GatekeeperCommands.submitKernel, aSubmission(changes));
  await stage.client.emit(LauncherFacts.agentUp, { kernelId, endpoint });
  agents.set(kernelId, { state: 'idle', since: stage.clock.now(), cpuSeconds: 1 });
  await stage.client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 0 });
  return stage.gateways.kernel(kernelId, { phase: 'ready' });
}
const row = (id: KernelId): Promise<Kernel | undefined> => stage.store.kernels.find(id);
/** The kernel's row, once it is told so. */
const told = async (id: KernelId, is: (kernel: Kernel) => boolean): Promise<Kernel> => {
  const { payload } = await stage.gateways.events.until(({ payload: { kernel } }) => kernel?.id === id && is(kernel));
  return payload.kernel as Kernel;
};
const warned = (id: KernelId): Promise<Kernel> => told(id, ({ ending }) => ending !== null);
/** Lets time pass, and what it makes due be done: a look asks the launcher, and then writes. */
async function pass(ms: number): Promise<void> {
  const until = stage.clock.now() + ms;
  for (let at = stage.clock.nextAt; at !== undefined && at <= until; at = stage.clock.nextAt) {
    stage.clock.advance(at - stage.clock.now());
    await settled();
  }
  stage.clock.advance(until - stage.clock.now());
}
/** Whatever was due has been written: a command that comes after it in the writer's line is answered. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  await stage.client.send(GatekeeperCommands.deleteSession, { id: '00000000-0000-4000-8000-000000000000' });
  await new Promise(setImmediate);
}
async function activity(kernelId: KernelId, state: 'idle' | 'busy'): Promise<void> {
  const at = stage.clock.now();
  agents.set(kernelId, { state, since: at, cpuSeconds: agents.get(kernelId)?.cpuSeconds ?? 0 });
  const noted = stage.client.emit(LauncherFacts.activity, { kernelId, state, at });
  await settled();
  await noted;
}
const keep = (kernelId: KernelId): Promise<Kernel> => stage.client.send(GatekeeperCommands.keepKernel, { kernelId });

describe('an idle kernel', () => {
  it('is warned of, and ended at its limit, with the reason', async () => {
    const { id } = await ready();
    await pass(9 * MINUTE - 1);
    expect((await row(id))?.ending).toBeNull();
    await pass(1);
    const { ending } = await warned(id);
    expect(ending).toEqual({
      at: stage.clock.now() + MINUTE,
      reason: 'culled',
      detail: 'It has been idle for 9 minutes; the limit is 10 minutes.',
    });
    await pass(MINUTE - 1);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending });
    await pass(1);
    const { detail, endReason } = await stage.gateways.kernel(id, { phase: 'stopping' });
    expect([endReason, detail]).toEqual(['culled', 'It had been idle for 10 minutes; the limit is 10 minutes.']);
  });

  it('is kept by use, and the warning withdrawn', async () => {
    const { id } = await ready();
    await pass(9 * MINUTE);
    await warned(id);
    await activity(id, 'busy');
    await activity(id, 'idle');
    expect((await row(id))?.ending).toBeNull();
    await pass(8 * MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null });
    await pass(2 * MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'stopping' });
  });

  it('is kept when its owner asks for it, and an ended one can not be', async () => {
    const { id } = await ready();
    await pass(9 * MINUTE);
    await warned(id);
    expect(await keep(id)).toMatchObject({ ending: null, lastActivityAt: stage.clock.now() });
    await pass(9 * MINUTE - 1);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null });
    await pass(MINUTE + 1);
    await stage.gateways.kernel(id, { phase: 'stopping' });
    await expect(keep(id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('that computes in the background is in use: it is not even warned of', async () => {
    const { id } = await ready();
    for (let minute = 0; minute < 30; minute += 1) {
      await pass(MINUTE);
      const agent = agents.get(id);
      if (agent) agent.cpuSeconds += 3;
    }
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null });
    expect(stage.gateways.events.all.some(({ payload: { kernel } }) => kernel?.ending)).toBe(false);
    await pass(12 * MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'stopping' });
  });

  it('that begins to compute after the warning is kept', async () => {
    const { id } = await ready();
    await pass(9 * MINUTE);
    await warned(id);
    agents.set(id, { state: 'idle', since: 1_000_000, cpuSeconds: 31 });
    await pass(MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null, lastActivityAt: stage.clock.now() });
  });

  it('whose agent saw use that nobody told is kept', async () => {
    const { id } = await ready();
    await pass(5 * MINUTE);
    agents.set(id, { state: 'idle', since: stage.clock.now(), cpuSeconds: 1 });
    await pass(9 * MINUTE - 1);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null, lastActivityAt: 1_000_000 + 5 * MINUTE });
  });

  it('is not ended while its agent does not answer', async () => {
    const { id } = await ready();
    agents.delete(id);
    await pass(30 * MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null });
  });

  it('is not asked after before its time comes near', async () => {
    const { id } = await ready();
    await pass(7 * MINUTE);
    expect(stage.launcher.told(id)).toEqual(['launch']);
  });

  it('goes by the limit of its kernelspec, and by none where that is 0', async () => {
    const [short, never] = [
      await ready({ culling: { idleSeconds: 60 } }),
      await ready({ culling: { idleSeconds: 0 } }),
    ];
    await pass(70_000);
    expect(await row(short.id)).toMatchObject({ phase: 'stopping' });
    await pass(60 * MINUTE);
    expect(await row(never.id)).toMatchObject({ phase: 'ready', ending: null });
  });
});

it('ends a kernel that is busy for too long, also when it computes', async () => {
  const { id } = await ready();
  await activity(id, 'busy');
  await pass(19 * MINUTE);
  expect((await warned(id)).ending?.detail).toBe(
    'It has been busy without a pause for 19 minutes; the limit is 20 minutes.',
  );
  agents.set(id, { state: 'busy', since: agents.get(id)?.since ?? 0, cpuSeconds: 900 });
  await pass(MINUTE);
  expect(await row(id)).toMatchObject({ phase: 'stopping', endReason: 'culled' });
});

describe('a jump of the clock', () => {
  it('ahead ends no kernel: its agent counts by another one', async () => {
    const { id } = await ready();
    stage.clock.jump(3_600_000);
    for (const agent of agents.values()) agent.since += 3_600_000;
    await pass(9 * MINUTE - 1);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null });
  });

  it('back keeps none for longer than its limit', async () => {
    const { id } = await ready();
    stage.clock.jump(-900_000);
    for (const agent of agents.values()) agent.since -= 900_000;
    await pass(10 * MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'stopping' });
  });
});

describe('an outage of the gatekeeper', () => {
  const crash = async (ms: number): Promise<void> => {
    await stage.crash();
    stage.clock.advance(ms);
    await stage.start();
    answer();
  };

  it('past the limit leaves the time of the warning', async () => {
    const { id } = await ready();
    await crash(60 * MINUTE);
    await pass(MINUTE);
    const { ending } = await warned(id);
    expect(ending?.at).toBe(stage.clock.now() + MINUTE);
    await pass(MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'stopping' });
  });

  it('after the warning withdraws it, and warns again', async () => {
    const { id } = await ready();
    await pass(9 * MINUTE);
    await warned(id);
    await crash(5 * MINUTE);
    await settled();
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null });
    await pass(2 * MINUTE);
    await warned(id);
  });

  it('ends none that was used meanwhile', async () => {
    const { id } = await ready();
    const used = stage.clock.now() + 55 * MINUTE;
    agents.set(id, { state: 'idle', since: used, cpuSeconds: 100 });
    await crash(60 * MINUTE);
    await pass(3 * MINUTE);
    expect(await row(id)).toMatchObject({ phase: 'ready', ending: null, lastActivityAt: used });
  });
});

describe('reclaim', () => {
  const reclaim = { enabled: true, idleSeconds: 300, warningSeconds: 60 };
  beforeEach(async () => {
    await stage.stop();
    await begin({ reclaim }, { maxKernels: 2 });
  });
  const submit = (changes: Partial<KernelSubmission> = {}): Promise<Kernel> =>
    stage.client.send(GatekeeperCommands.submitKernel, aSubmission(changes));

  it('warns and ends the kernel that is idle longest, and no other, once one waits', async () => {
    const longest = await ready();
    await pass(MINUTE);
    const other = await ready();
    await pass(60 * MINUTE);
    expect(await row(longest.id)).toMatchObject({ phase: 'ready', ending: null });
    const { id } = await submit();
    await pass(MINUTE);
    const { ending } = await warned(longest.id);
    expect(ending).toMatchObject({ reason: 'reclaimed', detail: expect.stringContaining('Others wait for its place') });
    await pass(MINUTE);
    await stage.gateways.kernel(longest.id, { phase: 'stopping', endReason: 'reclaimed' });
    expect(await row(other.id)).toMatchObject({ phase: 'ready', ending: null });
    const exit = { incarnation: 0, code: null, signal: 15, outOfMemory: false, agentLost: false };
    await stage.client.emit(LauncherFacts.kernelExited, { kernelId: longest.id, ...exit });
    await stage.gateways.kernel(id, { phase: 'admitted' });
    // It comes back at its old rank: before one that asked later.
    const later = await submit();
    await stage.client.send(GatekeeperCommands.restartKernel, { kernelId: longest.id });
    const wait = (kernelId: KernelId) => stage.client.send(GatekeeperCommands.explainKernel, { kernelId });
    expect([(await wait(longest.id))?.position, (await wait(later.id))?.position]).toEqual([1, 2]);
  });

  it('waits until one has been idle for long enough', async () => {
    const kernel = await ready();
    await pass(1_000);
    await ready();
    await submit();
    await pass(4 * MINUTE);
    expect((await row(kernel.id))?.ending).toBeNull();
    await pass(3 * MINUTE);
    await warned(kernel.id);
  });

  it('takes the next when the first is used', async () => {
    const first = await ready();
    await pass(MINUTE);
    const second = await ready();
    await pass(10 * MINUTE);
    await submit();
    await pass(MINUTE);
    await warned(first.id);
    await activity(first.id, 'busy');
    await pass(2 * MINUTE);
    expect(await row(first.id)).toMatchObject({ phase: 'ready', ending: null });
    await warned(second.id);
  });

  it('lets the kernel be when nobody waits any more', async () => {
    const kernel = await ready();
    await pass(1_000);
    await ready();
    await pass(10 * MINUTE);
    const { id } = await submit();
    await pass(MINUTE);
    await warned(kernel.id);
    await stage.client.send(GatekeeperCommands.stopKernel, { kernelId: id, reason: 'shut-down', detail: '' });
    await settled();
    expect((await row(kernel.id))?.ending).toBeNull();
    await pass(5 * MINUTE);
    expect(await row(kernel.id)).toMatchObject({ phase: 'ready', ending: null });
  });

  it('takes nothing from a higher class', async () => {
    const kernel = await ready();
    await ready();
    await pass(10 * MINUTE);
    await submit({ priorityClass: 'batch' });
    await pass(5 * MINUTE);
    expect(await row(kernel.id)).toMatchObject({ phase: 'ready', ending: null });
  });
});

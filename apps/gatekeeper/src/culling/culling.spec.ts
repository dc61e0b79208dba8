import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GatekeeperCommands, type Kernel, type KernelId, LauncherFacts } from '#libs/contracts';
import { aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const endpoint = { socket: '/run/a', clientToken: 'c', controlToken: 't' };
const culling = { idleSeconds: 600, busySeconds: 1200, warningSeconds: 60 };

let stage: GatekeeperStage;
beforeEach(async () => {
  stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), {}, culling).start();
});
afterEach(() => stage.stop());

async function ready(): Promise<Kernel> {
  const { id: kernelId } = await stage.client.send(GatekeeperCommands.submitKernel, aSubmission());
  await stage.client.emit(LauncherFacts.agentUp, { kernelId, endpoint });
  await stage.client.emit(LauncherFacts.kernelReady, { kernelId });
  return stage.gateways.kernel(kernelId, { phase: 'ready' });
}
/** Activity waits up to a second for other work: time passes until the gateways hear of it. */
async function activity(kernelId: KernelId, state: 'idle' | 'busy'): Promise<void> {
  const at = stage.clock.now();
  let heard = false;
  void stage.gateways.kernel(kernelId, { executionState: state, lastActivityAt: at }).then(() => {
    heard = true;
  });
  await stage.client.emit(LauncherFacts.activity, { kernelId, state, at });
  while (!heard) {
    await new Promise(setImmediate);
    stage.clock.advance(10);
  }
}

/** Resolves when the gatekeeper has asked what the kernel used, and has the answer. */
async function asked(id: KernelId): Promise<void> {
  await stage.launcher.commands.until(({ kernelId, name }) => kernelId === id && name === 'usage');
  await new Promise(setImmediate);
}

it('ends an idle kernel at its limit, and not before', async () => {
  const { id } = await ready();
  stage.clock.advance(540_000);
  await asked(id);
  expect((await stage.store.kernels.find(id))?.phase).toBe('ready');
  stage.clock.advance(60_000);
  const ended = await stage.gateways.kernel(id, { phase: 'stopping' });
  expect(ended).toMatchObject({ endReason: 'culled', detail: 'It was not used for 10 min.' });
});

it('counts from the last activity', async () => {
  const { id } = await ready();
  stage.clock.advance(500_000);
  await activity(id, 'busy');
  await activity(id, 'idle');
  stage.clock.advance(500_000);
  await stage.client.send(GatekeeperCommands.keepKernel, { kernelId: id });
  stage.clock.advance(500_000);
  expect((await stage.store.kernels.find(id))?.phase).toBe('ready');
});

it('keeps a kernel that computes in the background', async () => {
  const { id } = await ready();
  stage.clock.advance(540_000);
  await asked(id);
  stage.launcher.cpuSeconds = 30;
  stage.clock.advance(60_000);
  const kept = await stage.gateways.kernel(id, { lastActivityAt: stage.clock.now() });
  expect(kept.phase).toBe('ready');
});

it('ends a cell that runs for longer than a cell may', async () => {
  const { id } = await ready();
  await activity(id, 'busy');
  stage.clock.advance(1_140_000);
  await asked(id);
  stage.clock.advance(60_000);
  const ended = await stage.gateways.kernel(id, { phase: 'stopping' });
  expect(ended.detail).toBe('One cell ran for 20 min, and no longer is allowed.');
});

it('gives the warning its time when the service was away past the limit', async () => {
  const { id } = await ready();
  await stage.crash();
  stage.clock.advance(3_600_000);
  await stage.start();
  await stage.launcher.commands.until(({ name }) => name === 'reconcile');
  stage.clock.advance(0);
  await asked(id);
  expect((await stage.store.kernels.find(id))?.phase).toBe('ready');
  stage.clock.advance(60_000);
  expect(await stage.gateways.kernel(id, { phase: 'stopping' })).toMatchObject({ endReason: 'culled' });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  GatekeeperCommands,
  type Kernel,
  type KernelId,
  type KernelSubmission,
  LauncherFacts,
  Unavailable,
} from '#libs/contracts';
import { openStore } from '#libs/store';
import { aSubmission, aToken, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from './gatekeeper.module.js';

const endpoint = { socket: '/run/a', clientToken: 'c', controlToken: 't' };
const exit = { incarnation: null, code: null, signal: null, outOfMemory: false, agentLost: false };

describe('a gatekeeper that crashed', () => {
  let stage: GatekeeperStage;
  beforeEach(async () => {
    stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), { maxKernels: 4 }).start();
  });
  afterEach(() => stage.stop());

  const submit = (changes: Partial<KernelSubmission> = {}): Promise<Kernel> =>
    stage.client.send(GatekeeperCommands.submitKernel, aSubmission(changes));
  const row = (id: KernelId): Promise<Kernel | undefined> => stage.store.kernels.find(id);
  async function ready(): Promise<KernelId> {
    const { id: kernelId } = await submit();
    await stage.client.emit(LauncherFacts.agentUp, { kernelId, endpoint });
    await stage.client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 0 });
    await stage.gateways.kernel(kernelId, { phase: 'ready' });
    return kernelId;
  }
  const again = async (): Promise<void> => {
    await stage.crash();
    await stage.start();
  };

  it('has every kernel that it acknowledged, living or waiting, in its place', async () => {
    const acknowledged = await Promise.all(Array.from({ length: 6 }, () => submit()));
    await again();
    for (const { id } of acknowledged) expect(await row(id)).toBeDefined();
    const phases = await Promise.all(acknowledged.map(async ({ id }) => (await row(id))?.phase === 'queued'));
    expect(phases.filter(Boolean)).toHaveLength(2);
    const [waiting] = acknowledged.filter(({ phase }) => phase === 'queued').toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const place = await stage.client.send(GatekeeperCommands.explainKernel, { kernelId: waiting?.id as KernelId });
    expect(place).toMatchObject({ position: 1, of: 2, reason: 'capacity' });
  });

  it('tells the launcher all that ought to live, and only then launches again what had not come up', async () => {
    const living = await ready();
    const { id: launching } = await submit();
    await stage.crash();
    let reconciled: () => void = () => undefined;
    stage.launcher.reconciling = new Promise((resolve) => {
      reconciled = resolve;
    });
    await stage.start();
    const { kernelIds } = await stage.launcher.commands.until(({ name }) => name === 'reconcile');
    expect(new Set(kernelIds)).toEqual(new Set([living, launching]));
    // What the launcher says of one that it never got must not end it: the launch is on its way.
    await stage.client.emit(LauncherFacts.kernelExited, { kernelId: launching, ...exit, agentLost: true });
    const { id: later } = await submit();
    expect(stage.launcher.told(launching)).toEqual([]);
    reconciled();
    await stage.launcher.commands.until(({ name, kernelId }) => name === 'launch' && kernelId === launching);
    await stage.launcher.commands.until(({ name, kernelId }) => name === 'launch' && kernelId === later);
    expect(stage.launcher.told(living)).toEqual([]);
    expect(await row(living)).toMatchObject({ phase: 'ready', endpoint });
  });

  it('ends what the launcher does not find any more, and gives its place to the next', async () => {
    const lost = await ready();
    for (let n = 0; n < 3; n += 1) await ready();
    const { id: waiting } = await submit();
    await again();
    await stage.client.emit(LauncherFacts.kernelExited, { kernelId: lost, ...exit, agentLost: true });
    expect(await stage.gateways.kernel(lost, { phase: 'ended' })).toMatchObject({ endReason: 'node-lost' });
    await stage.gateways.kernel(waiting, { phase: 'admitted' });
  });

  it('goes on stopping, and does not restart twice', async () => {
    const [stopping, restarting, restarted] = [await ready(), await ready(), await ready()];
    await stage.client.send(GatekeeperCommands.stopKernel, { kernelId: stopping, reason: 'culled', detail: 'Idle.' });
    stage.launcher.failures.push(
      ...Array.from({ length: 2 }, () => new Unavailable('Away.', { retryAfterSeconds: 1 })),
    );
    for (const kernelId of [restarting, restarted])
      await stage.client.send(GatekeeperCommands.restartKernel, { kernelId });
    await stage.client.emit(LauncherFacts.kernelReady, { kernelId: restarted, incarnation: 1 });
    await submit();
    await again();
    await stage.launcher.commands.until(({ name, kernelId }) => name === 'stop' && kernelId === stopping);
    await stage.launcher.commands.until(({ name, kernelId }) => name === 'restart' && kernelId === restarting);
    expect(stage.launcher.told(restarted)).toEqual([]);
  });

  it('tells a launcher that has come up what there is, with what is due', async () => {
    const [living, restarting] = [await ready(), await ready()];
    const { id: launching } = await submit();
    await stage.client.send(GatekeeperCommands.restartKernel, { kernelId: restarting });
    await stage.launcher.commands.until(({ name }) => name === 'restart');
    const before = stage.launcher.commands.all.length;
    await stage.client.emit(LauncherFacts.launcherUp, {});
    const since = () => stage.launcher.commands.all.slice(before);
    await stage.launcher.commands.until(() => since().length === 3);
    const [reconcile, ...due] = since();
    expect(reconcile).toMatchObject({ name: 'reconcile', epoch: stage.store.epoch });
    expect(new Set(reconcile?.kernelIds)).toEqual(new Set([living, restarting, launching]));
    expect(due).toContainEqual({ name: 'restart', kernelId: restarting, incarnation: 1 });
    expect(due).toContainEqual(expect.objectContaining({ name: 'launch', kernelId: launching }));
  });

  it('tells gateways what they were not told', async () => {
    stage.gateways.failure = new Error('no gateway is there');
    const { id } = await submit();
    const token = aToken();
    await stage.client.send(GatekeeperCommands.createToken, token);
    await stage.client.send(GatekeeperCommands.revokeToken, { id: token.id });
    await again();
    await stage.gateways.kernel(id, { phase: 'admitted' });
    await stage.gateways.events.until(({ payload }) => payload.id === token.id);
  });

  it('forgets what was delivered', async () => {
    const { id } = await submit();
    await stage.gateways.kernel(id, { phase: 'admitted' });
    await stage.launcher.commands.until(({ kernelId }) => kernelId === id);
    while ((await stage.store.undelivered()).length > 0) {
      stage.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await again();
    await submit();
    expect(stage.gateways.events.all.filter(({ payload }) => payload.kernel?.id === id)).toEqual([]);
  });

  it('gives a launch its whole time again', async () => {
    const { id } = await submit();
    await stage.crash();
    stage.clock.advance(3_600_000);
    await stage.start();
    stage.clock.advance(60_999);
    await submit();
    expect((await row(id))?.phase).not.toBe('stopping');
    stage.clock.advance(1);
    await stage.gateways.kernel(id, { phase: 'stopping' });
  });

  it('is deposed by the one that follows it, and then writes and acknowledges nothing', async () => {
    const old = stage.client;
    const submission = aSubmission();
    const next = await openStore(stage.path);
    await expect(old.send(GatekeeperCommands.submitKernel, submission)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(old.send(GatekeeperCommands.submitKernel, submission)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await next.kernels.find(submission.id)).toBeUndefined();
    await next.close();
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  GatekeeperCommands,
  InvalidRequest,
  type Kernel,
  type KernelId,
  type KernelSubmission,
  LauncherFacts,
  Unavailable,
} from '#libs/contracts';
import type { Config } from '#libs/platform';
import { aKernelId, aSession, aSubmission, aToken, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from './gatekeeper.module.js';

const endpoint = { socket: '/run/a', clientToken: 'c', controlToken: 't' };
interface Exit {
  incarnation: number | null;
  code: number | null;
  signal: number | null;
  outOfMemory: boolean;
  agentLost: boolean;
}
const exit: Exit = { incarnation: null, code: null, signal: null, outOfMemory: false, agentLost: false };

describe('the gatekeeper', () => {
  let stage: GatekeeperStage;
  type Changes = ConstructorParameters<typeof GatekeeperStage>;
  const begin = async (scheduling: Changes[1] = {}, kernels: Partial<Config['kernels']> = {}): Promise<void> => {
    stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), scheduling, { kernels }).start();
  };
  beforeEach(() => begin());
  afterEach(() => stage.stop());

  /** Starts anew with another configuration. */
  const beginWith = async (...changes: Parameters<typeof begin>): Promise<void> => {
    await stage.stop();
    await begin(...changes);
  };
  const submit = (changes: Partial<KernelSubmission> = {}): Promise<Kernel> =>
    stage.client.send(GatekeeperCommands.submitKernel, aSubmission(changes));
  const stop = (kernelId: KernelId): Promise<Kernel> =>
    stage.client.send(GatekeeperCommands.stopKernel, { kernelId, reason: 'shut-down', detail: 'Asked for.' });
  const restart = (kernelId: KernelId): Promise<Kernel> =>
    stage.client.send(GatekeeperCommands.restartKernel, { kernelId });
  const explain = (kernelId: KernelId) => stage.client.send(GatekeeperCommands.explainKernel, { kernelId });
  const exited = (kernelId: KernelId, how: Partial<Exit> = {}): Promise<void> =>
    stage.client.emit(LauncherFacts.kernelExited, { kernelId, ...exit, ...how });
  const row = (id: KernelId): Promise<Kernel | undefined> => stage.store.kernels.find(id);
  async function ready(changes: Partial<KernelSubmission> = {}, startMs = 0): Promise<Kernel> {
    const { id: kernelId } = await submit(changes);
    stage.clock.advance(startMs);
    await stage.client.emit(LauncherFacts.agentUp, { kernelId, endpoint });
    await stage.client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 0 });
    return stage.gateways.kernel(kernelId, { phase: 'ready' });
  }

  describe('submission', () => {
    it('is on disk, admitted and told to the launcher when there is room', async () => {
      const submission = aSubmission({ project: 'tomo' });
      const kernel = await submit(submission);
      expect(kernel).toMatchObject({ ...submission, phase: 'admitted', executionState: 'starting' });
      expect(await row(kernel.id)).toEqual(kernel);
      const told = await stage.launcher.commands.until(({ name }) => name === 'launch');
      const { owner, project, launch } = submission;
      expect(told).toEqual({ name: 'launch', kernelId: kernel.id, owner, project, launch, place: null });
      expect(await stage.gateways.kernel(kernel.id, { phase: 'admitted' })).toEqual(kernel);
    });

    it('tells the launcher first which kernels ought to live', async () => {
      const { id } = await submit();
      await stage.launcher.commands.until(({ kernelId }) => kernelId === id);
      expect(stage.launcher.commands.all[0]).toEqual({ name: 'reconcile', kernelIds: [], epoch: stage.store.epoch });
    });

    it('tells which kernels ought to have no process', async () => {
      await beginWith({ maxKernels: 1 });
      const [living, waiting] = [await submit(), await submit()];
      const kernelIds = [living.id, waiting.id, aKernelId()];
      const { unwanted } = await stage.client.send(GatekeeperCommands.unwantedKernels, { kernelIds });
      expect(unwanted).toEqual(kernelIds.slice(1));
      await stop(waiting.id);
      await expect(
        stage.client.send(GatekeeperCommands.unwantedKernels, { kernelIds: [waiting.id] }),
      ).resolves.toMatchObject({ unwanted: [waiting.id] });
    });

    it('gives the same kernel for the same id, owner and kernelspec', async () => {
      const submission = aSubmission();
      const [first, second] = await Promise.all([submit(submission), submit(submission)]);
      expect(second).toEqual(first);
      const { submittedAt, priorityClass } = first;
      expect(await submit({ ...submission, priorityClass: 'batch' })).toMatchObject({ submittedAt, priorityClass });
      await stop(first.id);
      await exited(first.id);
      await stage.gateways.kernel(first.id, { phase: 'ended' });
      expect(await submit(submission)).toMatchObject({ phase: 'ended', endReason: 'shut-down' });
      expect(stage.launcher.told(first.id).filter((name) => name === 'launch')).toHaveLength(1);
    });

    it.each([{ owner: 'eve' }, { kernelspec: 'other' }])('refuses a taken id with another %o', async (changes) => {
      const submission = aSubmission();
      await submit(submission);
      await expect(submit({ ...submission, ...changes })).rejects.toMatchObject({ code: 'conflict' });
      expect(await row(submission.id)).toMatchObject({ owner: 'ada', kernelspec: 'python3' });
    });

    it('is refused at once when it can never fit, naming the limit', async () => {
      await beginWith({ memoryBytes: 1_000 });
      const refused = submit({ requests: { cpuMilli: 1, memoryBytes: 1_001 } });
      await expect(refused).rejects.toMatchObject({
        code: 'never-fits',
        fields: { requested: { memoryBytes: 1_001 }, limit: { memoryBytes: 1_000 } },
      });
      const gpu = { count: 2, milli: 1_000, migProfile: null };
      await expect(submit({ requests: { cpuMilli: 1, memoryBytes: 1, gpu } })).rejects.toMatchObject({
        message:
          'The kernel asks for 2 GPUs, and the most that one node has is 0 GPUs. Lower KERNEL_GPUS, or take a smaller profile.',
        fields: { requested: { gpuMilli: 2_000 }, limit: { gpuMilli: 0 } },
      });
    });

    it('is refused when as many wait as may wait, and not because many start at once', async () => {
      await beginWith({ maxKernels: 4, maxQueued: 2 });
      const all = await Promise.allSettled(Array.from({ length: 8 }, () => submit()));
      const answers = all.map((answer) => (answer.status === 'fulfilled' ? answer.value.phase : answer.reason.code));
      expect(answers.toSorted()).toEqual([
        ...Array(4).fill('admitted'),
        ...Array(2).fill('queued'),
        ...Array(2).fill('too-many-queued'),
      ]);
    });

    it('commits what comes together in one transaction', async () => {
      const before = stage.commits;
      const kernels = await Promise.all(Array.from({ length: 100 }, () => submit()));
      expect(stage.commits - before).toBeLessThanOrEqual(5);
      expect(await stage.store.kernels.listAll(0)).toHaveLength(kernels.length);
    });

    it('answers Unavailable, and keeps nothing, while the store is away', async () => {
      const submission = aSubmission();
      stage.storeFailure = new Error('disk full');
      await expect(submit(submission)).rejects.toMatchObject({ code: 'unavailable', status: 503 });
      stage.storeFailure = undefined;
      expect(await row(submission.id)).toBeUndefined();
      expect(stage.launcher.told(submission.id)).toEqual([]);
      expect(await submit(submission)).toMatchObject({ phase: 'admitted', revision: 2 });
    });
  });

  describe('the queue', () => {
    it('starts the next when one ends, by class and then first come', async () => {
      await beginWith({ maxKernels: 1 });
      const first = await submit();
      const batch = await submit({ priorityClass: 'batch' });
      const live = await submit({ priorityClass: 'live' });
      expect([batch.phase, live.phase]).toEqual(['queued', 'queued']);
      await stage.client.emit(LauncherFacts.launchFailed, { kernelId: first.id, detail: 'No.' });
      await stage.gateways.kernel(live.id, { phase: 'admitted' });
      expect(await row(batch.id)).toMatchObject({ phase: 'queued' });
    });

    it('says what keeps the launcher from starting a kernel that has its place', async () => {
      const { id } = await submit();
      const reason = 'The API server of the cluster can not be reached.';
      await stage.client.emit(LauncherFacts.hindered, { reason });
      const starting = 'The kernel has its place and is starting, for 0.0 s now.';
      expect((await explain(id))?.text).toBe(`${starting} ${reason}`);
      await stage.client.emit(LauncherFacts.hindered, { reason: null });
      expect((await explain(id))?.text).toMatch(new RegExp(`^${starting} When it is ready is unknown`));
    });

    it('says why a kernel is launched another time, for as long as it starts', async () => {
      const { id } = await submit();
      await stage.client.emit(LauncherFacts.launchAgain, { kernelId: id, reason: 'The node was interrupted.' });
      expect((await explain(id))?.text).toBe(
        'The kernel has its place and is starting, for 0.0 s now. It is launched another time. The node was interrupted.',
      );
      await stage.client.emit(LauncherFacts.launchFailed, { kernelId: id, detail: 'No.' });
      await stage.gateways.kernel(id, { phase: 'ended' });
      await stage.client.send(GatekeeperCommands.restartKernel, { kernelId: id });
      expect((await explain(id))?.text).not.toContain('another time');
    });

    it('explains to each why it waits', async () => {
      await beginWith({ maxKernels: 1 });
      const first = await submit();
      const second = await submit({ owner: 'bob' });
      stage.clock.advance(1);
      const third = await submit({ owner: 'eve' });
      expect(await explain(first.id)).toMatchObject({ reason: 'launching', since: first.admittedAt });
      expect(await explain(second.id)).toMatchObject({ position: 1, of: 2, reason: 'capacity', expectedStart: null });
      expect((await explain(third.id))?.text).toBe(
        'Queued: position 2 of 2. The one kernel place is taken; the next free place is yours after 1 other. Expected start: unknown.',
      );
      expect(await explain(aKernelId())).toBeNull();
    });

    it('says when a kernel is likely to be ready that has its place, and still knows after a crash', async () => {
      for (const ms of [700, 900, 1_000, 1_100, 1_200, 1_300, 1_400, 1_500]) await ready({}, ms);
      const { id, admittedAt } = await submit();
      const band = { earliest: Number(admittedAt) + 900, latest: Number(admittedAt) + 1_400 };
      expect(await explain(id)).toMatchObject({ expectedStart: band });
      await stage.crash();
      await stage.start();
      expect(await explain(id)).toMatchObject({ reason: 'launching', since: admittedAt, expectedStart: band });
    });

    it('says when one starts once it has seen how long places are held, and still knows after a crash', async () => {
      await beginWith({ maxKernels: 1 });
      for (const minutes of [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
        const { id } = await ready();
        stage.clock.advance(minutes * 60_000);
        await stop(id);
        await exited(id);
        await stage.gateways.kernel(id, { phase: 'ended' });
      }
      const holder = await ready();
      const waiting = await submit({ owner: 'bob' });
      const began = holder.admittedAt as number;
      const first = await explain(waiting.id);
      expect(first?.expectedStart).toEqual({ earliest: began + 2 * 60_000, latest: began + 10 * 60_000 });
      expect(first?.text).toMatch(/Expected start: in 2 to 10 minutes\./);
      stage.clock.advance(150_000);
      const later = await explain(waiting.id);
      expect(later?.expectedStart?.latest).toBe(began + 11 * 60_000);
      await stage.crash();
      await stage.start();
      expect(await explain(waiting.id)).toEqual(later);
    });

    it('tells every gateway of an interrupt, and keeps the place', async () => {
      await beginWith({ maxKernels: 1 });
      await submit();
      const waiting = await submit();
      await stage.client.send(GatekeeperCommands.interruptKernel, { kernelId: waiting.id });
      await stage.gateways.events.until(({ pattern }) => pattern === 'event.kernel-interrupted');
      expect(await row(waiting.id)).toEqual(waiting);
      const unknown = stage.client.send(GatekeeperCommands.interruptKernel, { kernelId: aKernelId() });
      await expect(unknown).rejects.toMatchObject({ code: 'not-found' });
    });

    it('lets one leave that is stopped while it waits, at once and without the launcher', async () => {
      await beginWith({ maxKernels: 1 });
      await submit();
      const waiting = await submit();
      expect(await stop(waiting.id)).toMatchObject({ phase: 'ended', endReason: 'shut-down', executionState: 'dead' });
      expect(stage.launcher.told(waiting.id)).toEqual([]);
    });
  });

  describe('a kernel', () => {
    it('is told of in order, and waits for the news of no other', async () => {
      const [slow, quick] = [aKernelId(), aKernelId()];
      const release = stage.gateways.hold(slow);
      await submit({ id: slow });
      await stage.client.emit(LauncherFacts.agentUp, { kernelId: slow, endpoint });
      await submit({ id: quick });
      await stage.gateways.kernel(quick, { phase: 'admitted' });
      const phases = () => stage.gateways.events.all.filter(({ payload }) => payload.kernel?.id === slow);
      expect(phases()).toEqual([]);
      release();
      await stage.gateways.kernel(slow, { phase: 'starting' });
      expect(phases()[0]).toMatchObject({ payload: { kernel: { phase: 'admitted' } } });
      expect(phases().at(-1)).toMatchObject({ payload: { kernel: { phase: 'starting' } } });
    });

    it('becomes ready by the launcher’s facts, its endpoint stored', async () => {
      const kernel = await ready();
      expect(kernel).toMatchObject({ executionState: 'idle', endpoint, readyAt: stage.clock.now() });
      expect(await row(kernel.id)).toEqual(kernel);
      expect(await explain(kernel.id)).toBeNull();
    });

    it('stops: at first on disk as stopping, then ended by the launcher’s fact, for the reason asked', async () => {
      const kernel = await ready();
      const stopping = await stop(kernel.id);
      expect(stopping).toMatchObject({ phase: 'stopping', endReason: 'shut-down' });
      expect(await row(kernel.id)).toEqual(stopping);
      const told = await stage.launcher.commands.until(({ name }) => name === 'stop');
      expect(told).toEqual({ name: 'stop', kernelId: kernel.id, graceMs: 5_000 });
      await exited(kernel.id, { signal: 9 });
      expect(await stage.gateways.kernel(kernel.id, { phase: 'ended' })).toMatchObject({ endReason: 'shut-down' });
      expect(await stop(kernel.id)).toMatchObject({ phase: 'ended', endReason: 'shut-down' });
    });

    it('is told once to stop, however often that is asked', async () => {
      const kernel = await ready();
      await Promise.all([stop(kernel.id), stop(kernel.id)]);
      expect(await stop(kernel.id)).toMatchObject({ phase: 'stopping' });
      await submit();
      expect(stage.launcher.told(kernel.id)).toEqual(['launch', 'stop']);
    });

    it('restarts in place while it lives', async () => {
      const kernel = await ready();
      expect(await restart(kernel.id)).toMatchObject({ phase: 'ready', executionState: 'restarting' });
      await stage.launcher.commands.until(({ name, kernelId }) => name === 'restart' && kernelId === kernel.id);
    });

    it('is started again in place when it died, and ends when it dies at once again and again', async () => {
      const kernel = await ready();
      for (let death = 1; death <= 5; death += 1) {
        await exited(kernel.id, { incarnation: death - 1, outOfMemory: true, signal: 9 });
        const detail = 'The kernel was ended because it used more than its 4.0 GiB of memory.';
        const died = await stage.gateways.kernel(kernel.id, { executionState: 'restarting', detail });
        expect(died).toMatchObject({ phase: 'ready', endpoint });
        await stage.launcher.commands.until(
          () => stage.launcher.told(kernel.id).filter((name) => name === 'restart').length === death,
        );
        await stage.client.emit(LauncherFacts.kernelReady, { kernelId: kernel.id, incarnation: death });
        await submit();
        expect(await row(kernel.id)).toMatchObject({ executionState: 'idle', detail: '' });
      }
      await exited(kernel.id, { signal: 11 });
      await stage.gateways.kernel(kernel.id, { phase: 'ended', endReason: 'crashed' });
    });

    it('is started again however often it died, where that was long ago', async () => {
      const kernel = await ready();
      for (let death = 1; death <= 8; death += 1) {
        await exited(kernel.id, { incarnation: death - 1, signal: 11 });
        await stage.launcher.commands.until(
          () => stage.launcher.told(kernel.id).filter((name) => name === 'restart').length === death,
        );
        await stage.client.emit(LauncherFacts.kernelReady, { kernelId: kernel.id, incarnation: death });
        await submit();
        stage.clock.advance(15_000);
      }
      expect(await row(kernel.id)).toMatchObject({ phase: 'ready', executionState: 'idle' });
    });

    it('is started again once for one death, however often that is told', async () => {
      const kernel = await ready();
      for (let times = 0; times < 9; times += 1) await exited(kernel.id, { incarnation: 0, signal: 11 });
      await stage.client.emit(LauncherFacts.kernelReady, { kernelId: kernel.id, incarnation: 1 });
      await submit();
      expect(stage.launcher.told(kernel.id)).toEqual(['launch', 'restart']);
      expect(await row(kernel.id)).toMatchObject({ executionState: 'idle', incarnation: 1 });
      await exited(kernel.id, { incarnation: 1, signal: 11 });
      await stage.gateways.kernel(kernel.id, { executionState: 'restarting', incarnation: 2 });
    });

    it('stays dead where that is configured', async () => {
      await beginWith({}, { autorestart: false });
      const kernel = await ready();
      await exited(kernel.id, { signal: 11 });
      await stage.gateways.kernel(kernel.id, { phase: 'ended', endReason: 'crashed' });
    });

    it('restarts through the queue after it crashed, and not after it was shut down', async () => {
      await beginWith({}, { autorestart: false });
      const kernel = await ready();
      await exited(kernel.id, { signal: 11 });
      const crashed = await stage.gateways.kernel(kernel.id, { phase: 'ended' });
      expect(crashed).toMatchObject({ endReason: 'crashed', detail: 'The kernel was ended by SIGSEGV.' });
      expect(await restart(kernel.id)).toMatchObject({ id: kernel.id, phase: 'admitted', endReason: null });
      await stop(kernel.id);
      await exited(kernel.id);
      await stage.gateways.kernel(kernel.id, { phase: 'ended', endReason: 'shut-down' });
      await expect(restart(kernel.id)).rejects.toMatchObject({ code: 'not-found' });
    });

    it('ends as launch-failed, with a sentence, when it does not answer in time', async () => {
      const { id } = await submit();
      await stage.launcher.commands.until(({ kernelId }) => kernelId === id);
      stage.clock.advance(60_999);
      expect(await submit()).toMatchObject({ phase: 'admitted' });
      expect(await row(id)).not.toMatchObject({ phase: 'stopping' });
      stage.clock.advance(1);
      await stage.gateways.kernel(id, { phase: 'stopping' });
      await exited(id);
      const ended = await stage.gateways.kernel(id, { phase: 'ended' });
      expect(ended).toMatchObject({ endReason: 'launch-failed' });
      expect(ended.detail).toContain('did not answer within 60 s');
    });

    it('is not ended by the launch timeout once it is ready', async () => {
      const kernel = await ready();
      stage.clock.advance(3_600_000);
      await submit();
      expect(await row(kernel.id)).toMatchObject({ phase: 'ready' });
    });

    it('is told to the launcher again until that takes it', async () => {
      const { failures, commands, told } = stage.launcher;
      failures.push(new Error('a bug'), new Unavailable('Away.', { retryAfterSeconds: 1 }));
      const { id } = await submit();
      for (const tries of [1, 2]) {
        await commands.until(() => told(id).length === tries);
        await nextTurn();
        stage.clock.advance(1_000);
      }
      await commands.until(() => told(id).length === 3);
      await submit();
      await stage.gateways.kernel(id, { phase: 'launching' });
    });

    it('ends as launch-failed when the launcher refuses it', async () => {
      stage.launcher.failures.push(new InvalidRequest('No such folder.', { errors: [] }));
      const { id } = await submit();
      const ended = await stage.gateways.kernel(id, { phase: 'ended' });
      expect(ended).toMatchObject({ endReason: 'launch-failed', detail: 'No such folder.' });
    });

    it('ignores repeated facts, and facts of kernels that it does not know', async () => {
      const kernel = await ready();
      await stage.client.emit(LauncherFacts.agentUp, { kernelId: kernel.id, endpoint });
      await stage.client.emit(LauncherFacts.kernelReady, { kernelId: kernel.id, incarnation: 0 });
      await exited(aKernelId());
      await submit();
      expect(await row(kernel.id)).toEqual(kernel);
    });

    it('has its agent stopped when that comes up after its end', async () => {
      const { id } = await submit();
      await stage.client.emit(LauncherFacts.launchFailed, { kernelId: id, detail: 'Too slow.' });
      await stage.client.emit(LauncherFacts.agentUp, { kernelId: id, endpoint });
      await stage.launcher.commands.until(({ name, kernelId }) => name === 'stop' && kernelId === id);
    });

    it('keeps facts that come while the store is away', async () => {
      const { id } = await submit();
      stage.storeFailure = new Error('disk full');
      await stage.client.emit(LauncherFacts.agentUp, { kernelId: id, endpoint });
      await expect(submit()).rejects.toMatchObject({ code: 'unavailable' });
      stage.storeFailure = undefined;
      await submit();
      expect(await row(id)).toMatchObject({ phase: 'starting', endpoint });
    });
  });

  describe('activity', () => {
    const busy = (kernelId: KernelId, at: number): Promise<void> =>
      stage.client.emit(LauncherFacts.activity, { kernelId, state: 'busy', at });

    it('is written within a second, many facts in one commit, and told to gateways', async () => {
      const kernels = [await ready(), await ready()];
      stage.clock.advance(1_000);
      await submit();
      const before = stage.commits;
      for (const { id } of kernels) for (const at of [1, 2, 3]) await busy(id, 2_000_000 + at);
      await explain(aKernelId());
      expect(stage.commits).toBe(before);
      stage.clock.advance(1_000);
      for (const { id } of kernels) {
        const told = await stage.gateways.kernel(id, { executionState: 'busy' });
        expect(told.lastActivityAt).toBe(2_000_003);
        expect(await row(id)).toEqual(told);
      }
      expect(stage.commits - before).toBe(1);
    });

    it('goes with the next commit, and never delays one', async () => {
      const kernel = await ready();
      await busy(kernel.id, 2_000_000);
      await submit();
      expect(await row(kernel.id)).toMatchObject({ executionState: 'busy', lastActivityAt: 2_000_000 });
    });

    it('leaves nothing in the outbox', async () => {
      const kernel = await ready();
      stage.gateways.failure = new Error('no gateway');
      await busy(kernel.id, 2_000_000);
      stage.clock.advance(1_000);
      await submit();
      const entries = await stage.store.undelivered();
      expect(entries.filter(({ payload }) => (payload['kernel'] as Kernel | undefined)?.id === kernel.id)).toEqual([]);
      stage.gateways.failure = undefined;
    });
  });

  describe('sessions', () => {
    it('are saved, changed and deleted', async () => {
      const session = aSession();
      await stage.client.send(GatekeeperCommands.saveSession, session);
      await stage.client.send(GatekeeperCommands.saveSession, { ...session, path: 'b.ipynb' });
      expect(await stage.store.sessions.find(session.id)).toMatchObject({ path: 'b.ipynb' });
      await stage.client.send(GatekeeperCommands.deleteSession, { id: session.id });
      await stage.client.send(GatekeeperCommands.deleteSession, { id: session.id });
      expect(await stage.store.sessions.find(session.id)).toBeUndefined();
    });

    it('can not be taken over by another owner', async () => {
      const session = aSession();
      await stage.client.send(GatekeeperCommands.saveSession, session);
      const theft = stage.client.send(GatekeeperCommands.saveSession, { ...session, owner: 'eve' });
      await expect(theft).rejects.toMatchObject({ code: 'conflict' });
    });

    it('go with a kernel that is shut down, and stay with one that crashed', async () => {
      const [shut, crashed] = [await ready(), await ready()];
      for (const { id } of [shut, crashed]) {
        await stage.client.send(GatekeeperCommands.saveSession, aSession({ kernelId: id }));
      }
      await stop(shut.id);
      await exited(shut.id);
      await exited(crashed.id, { agentLost: true });
      await stage.gateways.kernel(crashed.id, { phase: 'ended' });
      await stage.gateways.kernel(shut.id, { phase: 'ended' });
      expect((await stage.store.sessions.listOwned('ada')).map(({ kernelId }) => kernelId)).toEqual([crashed.id]);
    });
  });

  describe('tokens', () => {
    it('are recorded once, and revoked once, and gateways hear of it', async () => {
      const token = aToken();
      await stage.client.send(GatekeeperCommands.createToken, token);
      expect(await stage.client.send(GatekeeperCommands.createToken, token)).toEqual(token);
      const first = await stage.client.send(GatekeeperCommands.revokeToken, { id: token.id });
      stage.clock.advance(5);
      expect(await stage.client.send(GatekeeperCommands.revokeToken, { id: token.id })).toEqual(first);
      expect(await stage.store.tokens.find(token.id)).toEqual(first);
      const heard = await stage.gateways.events.until(({ pattern }) => pattern === 'event.token-revoked');
      expect(heard.payload).toEqual({ id: token.id, at: first.revokedAt });
    });

    it('can not be recorded twice under one id, nor revoked where there is none', async () => {
      const token = aToken();
      await stage.client.send(GatekeeperCommands.createToken, token);
      const other = stage.client.send(GatekeeperCommands.createToken, { ...token, user: 'eve' });
      await expect(other).rejects.toMatchObject({ code: 'conflict' });
      const none = stage.client.send(GatekeeperCommands.revokeToken, { id: 'none' });
      await expect(none).rejects.toMatchObject({ code: 'not-found' });
    });
  });

  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
});

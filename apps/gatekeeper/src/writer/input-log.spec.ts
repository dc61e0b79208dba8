import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  GatekeeperCommands,
  type Kernel,
  type KernelId,
  type KernelSubmission,
  LauncherFacts,
  SchedulingConfig,
} from '#libs/contracts';
import { type DayLog, readDayLog, replayDayLog } from '#libs/scheduling';
import { openReaders } from '#libs/store';
import { aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const GiB = 1024 ** 3;
const gpu = (count: number) => ({ model: 'A100', devices: Array.from({ length: count }, () => 'whole' as const) });
const nodes = [
  { id: 'g1', cpuMilli: 8_000, memoryBytes: 64 * GiB, gpu: gpu(2) },
  { id: 'g2', cpuMilli: 8_000, memoryBytes: 64 * GiB, gpu: gpu(1) },
  { id: 'c1', cpuMilli: 2_000, memoryBytes: 64 * GiB },
];
const configOf = (changes: object = {}) =>
  SchedulingConfig.parse({
    flavors: [
      { name: 'cpu', kind: 'cpu' },
      { name: 'a100', kind: 'gpu', model: 'A100' },
    ],
    cohorts: [{ name: 'site' }],
    queues: [
      { name: 'users', cohort: 'site', quota: { cpu: {}, a100: { gpuMilli: { nominal: 2_000 } } } },
      { name: 'night', cohort: 'site', quota: { cpu: {}, a100: { gpuMilli: { nominal: 1_000 } } } },
    ],
    classes: [
      { name: 'interactive', rank: 700, evict: 'reclaim', idleSeconds: 60 },
      { name: 'batch', rank: 500, evict: 'requeue' },
    ],
    policies: { graceSeconds: 5 },
    ...changes,
  });
const endpoint = { socket: '/run/a', clientToken: 'secret-of-clients', controlToken: 'secret-of-ours' };
const exit = { incarnation: null, code: 0, signal: null, outOfMemory: false, agentLost: false };

describe('what the gatekeeper logs', () => {
  let stage: GatekeeperStage;
  /** Admissions as gateways were told of them. */
  let admitted: Map<string, string>;
  beforeEach(async () => {
    admitted = new Map();
    stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), { nodes: nodes as never }).start();
  });
  afterEach(() => stage.stop());

  const send: GatekeeperStage['client']['send'] = (...call) => stage.client.send(...call);
  const apply = (config: SchedulingConfig) =>
    send(GatekeeperCommands.changeScheduling, {
      ...{ config, ifVersion: null, actor: 'ada', action: 'scheduling', dryRun: false },
    });
  const submit = async (changes: Partial<KernelSubmission> = {}): Promise<KernelId> =>
    (await send(GatekeeperCommands.submitKernel, aSubmission(changes))).id;
  const onGpu = (queue: string, priorityClass: 'batch' | 'interactive', count = 1): Partial<KernelSubmission> => ({
    ...{ priorityClass, scheduling: { queue, flavors: [], wallSeconds: null } },
    requests: { cpuMilli: 500, memoryBytes: GiB, gpu: { count, milli: 1_000, migProfile: null } },
  });
  const ready = async (kernelId: KernelId): Promise<void> => {
    await stage.client.emit(LauncherFacts.agentUp, { kernelId, endpoint });
    await stage.client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 0 });
    await stage.gateways.kernel(kernelId, { phase: 'ready' });
  };
  const end = async (kernelId: KernelId): Promise<void> => {
    await send(GatekeeperCommands.stopKernel, { kernelId, reason: 'shut-down', detail: '' });
    await stage.client.emit(LauncherFacts.kernelExited, { kernelId, ...exit });
    await stage.gateways.kernel(kernelId, { phase: 'ended' });
  };
  const note = (): void => {
    for (const { payload } of stage.gateways.events.all) {
      const { id, phase, admittedAt, scheduling } = (payload.kernel ?? {}) as Kernel;
      if (phase !== 'admitted' || !scheduling.place) continue;
      admitted.set(`${id} ${admittedAt}`, `${scheduling.place.node} ${scheduling.place.devices.join()}`);
    }
  };
  const exported = async (from: number | null = null): Promise<string> => {
    const readers = openReaders(stage.path);
    const lines = [JSON.stringify({ kind: 'log', format: 1, from, to: null })];
    for await (const row of readers.inputLog.rows(from ?? 0, Number.MAX_SAFE_INTEGER))
      lines.push(JSON.stringify({ kind: 'step', ...row }));
    await readers.close();
    return lines.join('\n');
  };
  const startsOf = (log: DayLog) =>
    new Map(replayDayLog(log).starts.map(({ id, at, node, devices }) => [`${id} ${at}`, `${node} ${devices.join()}`]));

  /** Borrowing, an eviction, a change of configuration, a crash, a store that was away. */
  async function aDay(): Promise<void> {
    await apply(configOf());
    const jobs = [await submit(onGpu('night', 'batch')), await submit(onGpu('night', 'batch'))];
    for (const id of jobs) await ready(id);
    stage.clock.advance(60_000);
    const first = await submit(onGpu('users', 'interactive'));
    await ready(first);
    const evictor = await submit(onGpu('users', 'interactive'));
    stage.clock.advance(5_000);
    await Promise.race(jobs.map((id) => stage.gateways.kernel(id, { phase: 'stopping' })));
    const gone = stage.gateways.events.all.find(({ payload }) => payload.kernel?.phase === 'stopping');
    const evicted = gone?.payload.kernel?.id as KernelId;
    await stage.client.emit(LauncherFacts.kernelExited, { kernelId: evicted, ...exit });
    await stage.gateways.kernel(evictor, { phase: 'admitted' });
    await ready(evictor);
    const waiting = await submit(onGpu('users', 'interactive'));
    await submit({ scheduling: { queue: 'users', flavors: ['cpu'], wallSeconds: 60 } });
    stage.clock.advance(30_000);
    note();
    await stage.crash();
    await stage.start();
    await apply(configOf({ policies: { graceSeconds: 7, backfillDepth: 2 } }));
    await end(first);
    await stage.gateways.kernel(waiting, { phase: 'admitted' });
    stage.storeFailure = new Error('away');
    const refused = submit({ scheduling: { queue: 'users', flavors: [], wallSeconds: null } });
    await expect(refused).rejects.toMatchObject({ code: 'unavailable' });
    stage.storeFailure = undefined;
    stage.clock.advance(1_000);
    await end(evictor);
    await stage.gateways.kernel(evicted, { phase: 'admitted' });
    note();
  }

  it('comes to the same starts on the same places when it is replayed', async () => {
    await aDay();
    const log = readDayLog(await exported());
    expect(startsOf(log)).toEqual(admitted);
    expect(admitted.size).toBe(7);
    // Begun twice, configured twice, read anew once: each time it was another core.
    expect(log.steps.filter(({ origin }) => origin !== null)).toHaveLength(5);
    const { evictions, waits, refused } = replayDayLog(log);
    expect({ evictions, refused }).toEqual({ evictions: { reclaimed: 0, requeued: 1, useless: 0 }, refused: 0 });
    expect(waits['interactive']).toHaveLength(4);
  });

  it('is read from any moment on', async () => {
    await aDay();
    const from = stage.clock.now();
    await submit({ scheduling: { queue: 'night', flavors: ['cpu'], wallSeconds: null } });
    note();
    const log = readDayLog(await exported(from));
    expect(log.from).toBe(from);
    const since = [...admitted].filter(([key]) => Number(key.split(' ')[1]) >= from);
    expect(since.length).toBeGreaterThan(0);
    expect([...startsOf(log)].sort()).toEqual(since.sort());
  });

  it('holds nothing of what kernels are started with and reached by', async () => {
    await aDay();
    expect(await exported()).not.toMatch(/secret-of|LANG|usr.bin/);
  });
});

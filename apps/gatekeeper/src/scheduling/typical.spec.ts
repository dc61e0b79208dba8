import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GatekeeperCommands, type Kernel, SchedulingConfig } from '#libs/contracts';
import { openReaders } from '#libs/store';
import { aBatch, aKernel, aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const GiB = 1024 ** 3;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const config = SchedulingConfig.parse({
  flavors: [
    { name: 'cpu', kind: 'cpu' },
    { name: 'a100', kind: 'gpu', model: 'A100', sharing: 'slice', quantumMilli: 250 },
    { name: 't4', kind: 'gpu', model: 'T4' },
  ],
  queues: [
    { name: 'all', quota: { cpu: {}, a100: {}, t4: {} } },
    { name: 'old', quota: { cpu: {}, t4: {} } },
  ],
});
const node = {
  ...{ id: 'g1', cpuMilli: 8_000, memoryBytes: 64 * GiB },
  gpu: { model: 'A100', devices: ['share' as const] },
};

let stage: GatekeeperStage;
beforeEach(async () => {
  stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), { nodes: [node] as never }).start();
  stage.clock.advance(30 * DAY);
});
afterEach(() => stage.stop());

const gpu = (count: number, milli: number) => ({
  cpuMilli: 1_000,
  memoryBytes: GiB,
  gpu: { count, milli, migProfile: null },
});
const ended = (agoMs: number, requests: Kernel['requests'], queue: string | null = null): Kernel => {
  const at = stage.clock.now() - agoMs;
  const scheduling = { ...aKernel().scheduling, queue };
  return aKernel({ phase: 'ended', endReason: 'culled', admittedAt: at, endedAt: at + 1, requests, scheduling });
};
const past = (...kernels: Kernel[]) => stage.store.commit(aBatch({ kernels }));
const apply = () =>
  stage.client.send(GatekeeperCommands.changeScheduling, {
    ...{ config, ifVersion: null, actor: 'ada', action: 'scheduling', dryRun: false },
  });
/** What the core was told, as it is logged, and what it began with. */
async function told(): Promise<{ typical: object[][]; origins: object[][] }> {
  const [typical, origins]: [object[][], object[][]] = [[], []];
  const readers = openReaders(stage.path);
  for await (const { events, origin } of readers.inputLog.rows(0, Number.MAX_SAFE_INTEGER)) {
    if (origin) origins.push((origin as { state: { typical: object[] } }).state.typical);
    for (const event of events as { kind: string; shapes: object[] }[])
      if (event.kind === 'typical') typical.push(event.shapes);
  }
  await readers.close();
  return { typical, origins };
}
const untilTold = async (times: number): Promise<object[][]> => {
  for (;;) {
    const { typical } = await told();
    if (typical.length >= times) return typical;
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const shape = (count: number, gpuCount: number, gpuMilli: number, gpuModels: string[]) => {
  return { cpuMilli: 1_000, gpuCount, gpuMilli, gpuModels, count };
};

it('tells the core what was admitted in the last seven days, each hour', async () => {
  await past(
    ...[ended(DAY, gpu(1, 250)), ended(6 * DAY, gpu(1, 250)), ended(HOUR, gpu(1, 1_000))],
    ...[ended(HOUR, gpu(1, 1_000), 'old'), ended(8 * DAY, gpu(2, 1_000))],
  );
  await apply();
  const first = [shape(2, 1, 250, ['A100']), shape(1, 1, 1_000, ['A100', 'T4']), shape(1, 1, 1_000, ['T4'])];
  expect((await untilTold(1))[0]).toEqual(expect.arrayContaining(first));
  expect((await told()).typical).toHaveLength(1);
  await past(ended(0, gpu(2, 1_000)));
  stage.clock.advance(HOUR);
  const [, second] = await untilTold(2);
  expect(second).toContainEqual(shape(1, 2, 1_000, ['A100', 'T4']));
  // Nothing new: nothing is told.
  stage.clock.advance(HOUR);
  await stage.client.send(GatekeeperCommands.submitKernel, aSubmission());
  expect((await told()).typical).toHaveLength(2);
});

it('knows it again after a crash, and keeps it when the configuration changes', async () => {
  await past(ended(DAY, gpu(1, 250)));
  await apply();
  await untilTold(1);
  await stage.crash();
  await stage.start();
  expect((await untilTold(2))[1]).toEqual([shape(1, 1, 250, ['A100'])]);
  const other = { ...config, policies: { ...config.policies, backfillDepth: 3 } };
  await stage.client.send(GatekeeperCommands.changeScheduling, {
    ...{ config: other, ifVersion: null, actor: 'ada', action: 'policies', dryRun: false },
  });
  await stage.client.send(GatekeeperCommands.submitKernel, aSubmission());
  expect((await told()).origins.at(-1)).toEqual([shape(1, 1, 250, ['A100'])]);
});

it('tells nothing where there is no GPU', async () => {
  await past(ended(DAY, gpu(1, 250)));
  stage.clock.advance(2 * HOUR);
  await stage.client.send(GatekeeperCommands.submitKernel, aSubmission());
  expect((await told()).typical).toEqual([]);
});

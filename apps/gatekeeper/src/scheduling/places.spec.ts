import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GatekeeperCommands, type Kernel, type KernelId, LauncherFacts, SchedulingConfig } from '#libs/contracts';
import { aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const GiB = 1024 ** 3;
const node = (id: string) => ({ id, cpuMilli: 2_000, memoryBytes: 64 * GiB });
const configOf = (flavor: string, caps: object = {}) =>
  SchedulingConfig.parse({
    flavors: [{ name: flavor, kind: 'cpu' }],
    queues: [{ name: 'all', quota: { [flavor]: {} }, caps }],
  });

let stage: GatekeeperStage;
beforeEach(async () => {
  const nodes = [node('n1'), node('n2')];
  stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts), { nodes: nodes as never }).start();
});
afterEach(() => stage.stop());

const apply = (config: SchedulingConfig) =>
  stage.client.send(GatekeeperCommands.changeScheduling, {
    ...{ config, ifVersion: null, actor: 'ada', action: 'queues', dryRun: false },
  });
const submit = (cpuMilli: number): Promise<Kernel> =>
  stage.client.send(GatekeeperCommands.submitKernel, aSubmission({ requests: { cpuMilli, memoryBytes: GiB } }));
const end = (kernelId: KernelId): Promise<void> =>
  stage.client.emit(LauncherFacts.launchFailed, { kernelId, detail: 'No.' });
const why = async (kernelId: KernelId) =>
  (await stage.client.send(GatekeeperCommands.explainKernel, { kernelId }))?.text ?? '';
const used = async (flavor: string) => {
  const { queues, flavors } = await stage.client.send(GatekeeperCommands.schedulingState, {});
  const cpus = queues[0]?.usage.find((one) => one.flavor === flavor && one.resource === 'cpuMilli')?.used;
  return { running: queues[0]?.running, cpus, free: flavors.find(({ name }) => name === flavor)?.free.cpuMilli };
};
const started = async (id: KernelId) => stage.gateways.kernel(id, { phase: 'admitted' });

it('counts kernels that run from before the first configuration, on no place that anybody knows', async () => {
  // As large as both nodes together, so that one of them fits on none.
  const before = [await submit(1_500), await submit(1_500), await submit(1_000)];
  expect(before.map(({ phase, scheduling }) => [phase, scheduling.place])).toEqual(Array(3).fill(['admitted', null]));
  await apply(configOf('cpu'));
  const all = { running: 3, cpus: 4_000, free: 0 };
  expect(await used('cpu')).toEqual(all);
  const waiting = await submit(500);
  expect(waiting.phase).toBe('queued');
  expect(await why(waiting.id)).toMatch(/0\.5 CPUs more than is free, of 4 CPUs, are needed/);
  await stage.crash();
  await stage.start();
  expect(await used('cpu')).toEqual(all);
  await end((before[2] as Kernel).id);
  await started(waiting.id);
  expect(await used('cpu')).toEqual({ running: 3, cpus: 3_500, free: 500 });
});

it('holds them to the caps that there are now', async () => {
  await submit(100);
  await apply(configOf('cpu', { perUser: { workloads: 1 } }));
  expect(await why((await submit(100)).id)).toMatch(/You have as many kernels as one user may have at once \(1\)/);
});

it('keeps the place of a kernel whose node is of another flavor now', async () => {
  await apply(configOf('cpu'));
  const { scheduling } = await submit(1_500);
  expect(scheduling.place).toMatchObject({ flavor: 'cpu' });
  await apply(configOf('xeon'));
  expect(await used('xeon')).toEqual({ running: 1, cpus: 1_500, free: 2_500 });
  // Of the two nodes one has room for so much.
  await started((await submit(2_000)).id);
  expect(await why((await submit(1_000)).id)).toMatch(/CPUs more than is free/);
});

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GatekeeperCommands, type Kernel, LauncherFacts, type NodeReport, SchedulingConfig } from '#libs/contracts';
import { aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const GiB = 1024 ** 3;
const CONFIG = SchedulingConfig.parse({
  flavors: [{ name: 'cpu', kind: 'cpu' }],
  queues: [{ name: 'all', quota: { cpu: {} } }],
});
const node = (id: string, cpuMilli: number): NodeReport => ({
  ...{ id, labels: {}, availability: 'open', cpuMilli, memoryBytes: 64 * GiB, gpu: null },
});

let stage: GatekeeperStage;
beforeEach(async () => {
  stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts)).start();
  await stage.client.send(GatekeeperCommands.changeScheduling, {
    ...{ config: CONFIG, ifVersion: null, actor: 'ada', action: 'queues', dryRun: false },
  });
});
afterEach(() => stage.stop());

const submit = (cpuMilli: number): Promise<Kernel> =>
  stage.client.send(GatekeeperCommands.submitKernel, aSubmission({ requests: { cpuMilli, memoryBytes: GiB } }));
const tellAll = (...nodes: NodeReport[]) => stage.client.emit(LauncherFacts.nodes, { nodes });
const tellChanged = (nodes: NodeReport[], gone: string[] = []) =>
  stage.client.emit(LauncherFacts.nodesChanged, { nodes, gone });
const placeOf = async ({ id }: Kernel): Promise<string | undefined> =>
  (await stage.gateways.kernel(id, { phase: 'admitted' })).scheduling.place?.node;

it('places on nodes as they are by the last change of each', async () => {
  await tellAll(node('a', 1_000), node('b', 1_000));
  const large = await submit(4_000);
  expect(large.phase).toBe('queued');
  await tellChanged([node('b', 4_000)]);
  expect(await placeOf(large)).toBe('b');
  const next = await submit(1_000);
  expect(await placeOf(next)).toBe('a');
  const last = await submit(1_000);
  expect(last.phase).toBe('queued');
  await tellChanged([node('c', 2_000)], ['a']);
  expect(await placeOf(last)).toBe('c');
});

it('takes nothing from a node that is gone', async () => {
  await tellAll(node('a', 1_000), node('b', 2_000));
  await tellChanged([], ['a']);
  const [one, two, three] = [await submit(1_000), await submit(1_000), await submit(1_000)];
  expect([await placeOf(one), await placeOf(two)]).toEqual(['b', 'b']);
  expect(three.phase).toBe('queued');
});

it('knows nothing by a change alone: a launcher that is asked tells of all', async () => {
  await tellChanged([node('a', 4_000)]);
  const kernel = await submit(1_000);
  expect(kernel.phase).toBe('queued');
  await tellAll(node('b', 4_000));
  expect(await placeOf(kernel)).toBe('b');
});

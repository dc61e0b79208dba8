import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GatekeeperCommands, type KernelId, SchedulingConfig, type WarmSpares } from '#libs/contracts';
import { aKernelId, aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

const GiB = 1024 ** 3;
const node = { id: 'n1', cpuMilli: 8_000, memoryBytes: 64 * GiB };
const configOf = (pools: object[]) =>
  SchedulingConfig.parse({
    flavors: [{ name: 'cpu', kind: 'cpu' }],
    queues: [{ name: 'all', quota: { cpu: {} } }],
    pools: pools.map((one) => ({ environment: 'python3', flavor: 'cpu', ...one })),
  });
const small = { requests: { cpuMilli: 500, memoryBytes: GiB }, limits: { cpuMilli: null, memoryBytes: null } };

let stage: GatekeeperStage;
beforeEach(async () => {
  stage = await new GatekeeperStage(
    (parts) => GatekeeperModule.with(parts),
    { nodes: [node] as never },
    { profiles: { small } },
  ).start();
});
afterEach(() => stage.stop());

const apply = (pools: object[]) =>
  stage.client.send(GatekeeperCommands.changeScheduling, {
    ...{ config: configOf(pools), ifVersion: null, actor: 'ada', action: 'pools', dryRun: false },
  });
const submit = (id: KernelId) =>
  stage.client.send(GatekeeperCommands.submitKernel, aSubmission({ id, requests: small.requests }));
/** What the launcher was told that stands on the node, list after list. */
const told = (): number[][] =>
  stage.launcher.commands.all
    .filter(({ name }) => name === 'keep-warm')
    .map((one) => (one as unknown as { pools: WarmSpares[] }).pools)
    .map((pools) => pools.flatMap(({ spares }) => spares.map(({ count }) => count)));
const untilTold = (count: number) =>
  stage.launcher.commands.until(
    (one) =>
      one.name === 'keep-warm' &&
      (one as unknown as { pools: WarmSpares[] }).pools.some(({ spares }) => spares[0]?.count === count),
  );

it('tells the launcher where spares are to stand, when that changes', async () => {
  await apply([{ min: 3, max: 3 }]);
  await untilTold(3);
  // Fourteen of sixteen halves of a core are used: what is left has room for two.
  await Promise.all(Array.from({ length: 14 }, () => submit(aKernelId())));
  await untilTold(2);
  await apply([]);
  await stage.launcher.commands.until((one) => one.name === 'keep-warm' && told().at(-1)?.length === 0);
  expect(told().at(-1)).toEqual([]);
});

it('says nothing where there are no pools', async () => {
  await submit(aKernelId());
  await stage.launcher.commands.until(({ name }) => name === 'launch');
  expect(told()).toEqual([]);
});

it('knows after a crash how many were asked for, and tells the launcher anew', async () => {
  await apply([{ min: 0, max: 5, coldStartSeconds: 600 }]);
  await Promise.all(Array.from({ length: 10 }, () => submit(aKernelId())));
  await untilTold(5);
  await stage.crash();
  await stage.start();
  await untilTold(5);
  expect(told()[0]).toEqual([5]);
});

it('refuses a pool of a profile that there is not, by its path', async () => {
  await expect(apply([{ profile: 'tiny' }])).rejects.toMatchObject({
    code: 'invalid-request',
    fields: { errors: [{ field: 'pools.python3.cpu.profile', message: 'there is no profile tiny' }] },
  });
});

import { MessageChannel } from 'node:worker_threads';
import { Controller, type INestMicroservice, Module } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { Registry } from 'prom-client';
import { CommandClient, LocalClient, LocalLink, LocalServer } from '#libs/bus';
import type { HostFact, KernelFact, KernelHost } from '#libs/compute';
import {
  InvalidRequest,
  type KernelId,
  type KernelUsage,
  LauncherCommands,
  LauncherFacts,
  type NodeReport,
  Unavailable,
} from '#libs/contracts';
import { aKernelId, aSubmission } from '#libs/testing';
import { LauncherModule, type LauncherParts } from './launcher.module.js';
import { Reaper } from './reaper.service.js';

const USAGE: KernelUsage = { state: 'idle', quietMs: 20, cpuSeconds: 1.5 };

/** A host that notes what it is told to do, and tells what the test has it tell. */
class FakeHost implements KernelHost {
  readonly calls: unknown[][] = [];
  hosted: KernelId[] = [];
  tell: (fact: HostFact) => void = () => {};
  onFact(listener: (fact: HostFact) => void): void {
    this.tell = listener;
  }
  async reconcile(...args: unknown[]): Promise<void> {
    this.calls.push(['reconcile', ...args]);
  }
  async launch(...args: unknown[]): Promise<void> {
    this.calls.push(['launch', ...args]);
  }
  async stop(...args: unknown[]): Promise<void> {
    this.calls.push(['stop', ...args]);
  }
  async restart(...args: unknown[]): Promise<void> {
    this.calls.push(['restart', ...args]);
  }
  async usage(): Promise<KernelUsage> {
    return USAGE;
  }
  keepWarm(...args: unknown[]): void {
    this.calls.push(['keepWarm', ...args]);
  }
  async reap(unwanted: (kernelIds: readonly KernelId[]) => Promise<readonly KernelId[]>): Promise<void> {
    this.calls.push(['reap', await unwanted(this.hosted)]);
  }
  async close(): Promise<void> {
    this.calls.push(['close']);
  }
}

/** Takes facts, refuses the first `failures` of them, and wants no kernel. */
class FakeGatekeeper {
  readonly told: { pattern: string; payload: Record<string, unknown> }[] = [];
  #whenTold: () => void = () => {};
  constructor(private failures: Error[] = []) {}

  /** Confirms nothing of a kernel until what is given back is called. */
  hold(kernelId: KernelId): () => void {
    let release = (): void => {};
    this.#held = { kernelId, until: new Promise((resolve) => (release = resolve)) };
    return release;
  }
  #held: { kernelId: KernelId; until: Promise<void> } | undefined;

  emit = async ({ pattern }: { pattern: string }, payload: unknown): Promise<void> => {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    if (this.#held?.kernelId === (payload as { kernelId?: KernelId }).kernelId) await this.#held?.until;
    this.told.push({ pattern, payload: payload as Record<string, unknown> });
    this.#whenTold();
  };

  send = (async (_, { kernelIds }: { kernelIds: KernelId[] }) => ({ unwanted: kernelIds })) as CommandClient['send'];

  async until(count: number): Promise<void> {
    while (this.told.length < count) {
      await new Promise<void>((resolve) => {
        this.#whenTold = resolve;
      });
    }
  }
}

let app: INestMicroservice;
let host: FakeHost;
let client: CommandClient;

let metrics: Registry;

async function start(gatekeeper: LauncherParts['gatekeeper']): Promise<void> {
  host = new FakeHost();
  metrics = new Registry();
  const { port1, port2 } = new MessageChannel();
  const module = await Test.createTestingModule({
    imports: [LauncherModule.with({ host, gatekeeper, metrics })],
  }).compile();
  app = module.createNestMicroservice({ strategy: new LocalServer([new LocalLink(port1)]), logger: false });
  await app.listen();
  client = new CommandClient(new LocalClient(new LocalLink(port2)));
}
afterEach(async () => {
  await client.close();
  await app.close();
});

const activity = (kernelId: KernelId, at: number): KernelFact => ({ kind: 'activity', kernelId, state: 'busy', at });

it('passes each command to the host', async () => {
  await start(new FakeGatekeeper());
  const { id: kernelId, owner, launch } = aSubmission();
  await client.send(LauncherCommands.reconcile, { kernelIds: [kernelId], epoch: 2 });
  await client.send(LauncherCommands.launchKernel, { kernelId, owner, launch });
  await client.send(LauncherCommands.restartKernel, { kernelId, incarnation: 1 });
  expect(await client.send(LauncherCommands.usage, { kernelId })).toEqual(USAGE);
  await client.send(LauncherCommands.stopKernel, { kernelId, graceMs: 5 });
  expect(host.calls).toEqual([
    ['reconcile', [kernelId]],
    ['launch', kernelId, { owner, project: null, place: null }, launch],
    ['restart', kernelId, 1],
    ['stop', kernelId, 5],
  ]);
});

it('ends what the gatekeeper does not want, and asks nothing about nothing', async () => {
  await start(new FakeGatekeeper());
  await app.get(Reaper).reap();
  host.hosted = [aKernelId()];
  await app.get(Reaper).reap();
  expect(host.calls).toEqual([
    ['reap', []],
    ['reap', host.hosted],
  ]);
});

it('leaves all as it is while the gatekeeper does not answer', async () => {
  const away = new FakeGatekeeper();
  away.send = () => Promise.reject(new Unavailable('No answer.', { retryAfterSeconds: 1 }));
  await start(away);
  host.hosted = [aKernelId()];
  await app.get(Reaper).reap();
  expect(host.calls).toEqual([]);
});

it('takes no command before it was told which kernels live here', async () => {
  await start(new FakeGatekeeper());
  const kernelId = aKernelId();
  const stopped = client.send(LauncherCommands.stopKernel, { kernelId, graceMs: 5 });
  await client.send(LauncherCommands.reconcile, { kernelIds: [kernelId], epoch: 2 });
  await stopped;
  expect(host.calls).toEqual([
    ['reconcile', [kernelId]],
    ['stop', kernelId, 5],
  ]);
});

it('ignores the list of a gatekeeper that another has replaced', async () => {
  await start(new FakeGatekeeper());
  await client.send(LauncherCommands.reconcile, { kernelIds: [], epoch: 2 });
  await client.send(LauncherCommands.reconcile, { kernelIds: [aKernelId()], epoch: 1 });
  expect(host.calls).toEqual([['reconcile', []]]);
});

it('keeps spares where the leading gatekeeper says, once it knows which kernels live here', async () => {
  await start(new FakeGatekeeper());
  const pools = [{ environment: 'python3', spares: [{ flavor: 'cpu', node: 'n1', count: 2 }] }];
  const kept = client.send(LauncherCommands.keepWarm, { pools, epoch: 2 });
  await client.send(LauncherCommands.reconcile, { kernelIds: [], epoch: 2 });
  await kept;
  await client.send(LauncherCommands.keepWarm, { pools: [], epoch: 1 });
  expect(host.calls).toEqual([
    ['reconcile', []],
    ['keepWarm', pools],
  ]);
});

it('reports facts in the order they happened, under the patterns of the contract', async () => {
  const facts = new FakeGatekeeper();
  await start(facts);
  const kernelId = aKernelId();
  const endpoint = { socket: '/s', clientToken: 'c', controlToken: 'k' };
  const exit = { incarnation: 0, code: null, signal: 9, outOfMemory: true, agentLost: false };
  host.tell({ kind: 'agent-up', kernelId, endpoint });
  host.tell({ kind: 'ready', kernelId, incarnation: 0 });
  host.tell(activity(kernelId, 7));
  host.tell({ kind: 'exited', kernelId, ...exit });
  host.tell({ kind: 'launch-failed', kernelId, detail: 'no' });
  await facts.until(5);
  expect(facts.told).toEqual([
    { pattern: LauncherFacts.agentUp.pattern, payload: { kernelId, endpoint } },
    { pattern: LauncherFacts.kernelReady.pattern, payload: { kernelId, incarnation: 0 } },
    { pattern: LauncherFacts.activity.pattern, payload: { kernelId, state: 'busy', at: 7 } },
    { pattern: LauncherFacts.kernelExited.pattern, payload: { kernelId, ...exit } },
    { pattern: LauncherFacts.launchFailed.pattern, payload: { kernelId, detail: 'no' } },
  ]);
});

it('tells a fact again until it is taken, and of many activities meanwhile the last', async () => {
  const facts = new FakeGatekeeper([new Unavailable('away', { retryAfterSeconds: 1 })]);
  await start(facts);
  const [kernelId, other] = [aKernelId(), aKernelId()];
  host.tell({ kind: 'ready', kernelId, incarnation: 0 });
  host.tell(activity(kernelId, 1));
  host.tell(activity(other, 2));
  host.tell(activity(kernelId, 3));
  await facts.until(3);
  const told = (id: KernelId) => facts.told.filter(({ payload }) => payload['kernelId'] === id);
  expect(told(kernelId).map(({ payload }) => payload['at'])).toEqual([undefined, 3]);
  expect(told(other).map(({ payload }) => payload['at'])).toEqual([2]);
});

it('says of nodes in one fact what was to be told while nobody took it', async () => {
  const facts = new FakeGatekeeper([new Unavailable('away', { retryAfterSeconds: 1 })]);
  await start(facts);
  const node = (id: string, cpuMilli: number): NodeReport => ({
    ...{ id, labels: {}, availability: 'open', cpuMilli, memoryBytes: 1, gpu: null },
  });
  host.tell({ kind: 'nodes', nodes: [node('a', 1), node('b', 1)] });
  host.tell({ kind: 'nodes-changed', nodes: [node('a', 2), node('c', 2)], gone: ['b'] });
  host.tell({ kind: 'nodes-changed', nodes: [node('b', 3)], gone: ['c'] });
  await facts.until(2);
  expect(facts.told).toEqual([
    { pattern: LauncherFacts.nodes.pattern, payload: { nodes: [node('a', 1), node('b', 1)] } },
    { pattern: LauncherFacts.nodesChanged.pattern, payload: { nodes: [node('a', 2), node('b', 3)], gone: ['c'] } },
  ]);
});

it('says of nodes, after a list of all, nothing of before', async () => {
  const facts = new FakeGatekeeper([new Unavailable('away', { retryAfterSeconds: 1 })]);
  await start(facts);
  const node = (id: string): NodeReport => ({
    ...{ id, labels: {}, availability: 'open', cpuMilli: 1, memoryBytes: 1, gpu: null },
  });
  host.tell({ kind: 'nodes-changed', nodes: [node('a')], gone: [] });
  host.tell({ kind: 'nodes-changed', nodes: [node('b')], gone: [] });
  host.tell({ kind: 'nodes', nodes: [node('c')] });
  host.tell({ kind: 'nodes-changed', nodes: [node('d')], gone: [] });
  await facts.until(2);
  expect(facts.told[1]).toEqual({
    pattern: LauncherFacts.nodes.pattern,
    payload: { nodes: [node('c'), node('d')] },
  });
});

it('keeps the facts of a kernel in order, and lets none wait for those of another', async () => {
  const facts = new FakeGatekeeper();
  await start(facts);
  const [slow, quick] = [aKernelId(), aKernelId()];
  const release = facts.hold(slow);
  host.tell({ kind: 'ready', kernelId: slow, incarnation: 0 });
  host.tell({ kind: 'ready', kernelId: slow, incarnation: 1 });
  host.tell({ kind: 'ready', kernelId: quick, incarnation: 0 });
  host.tell({ kind: 'ready', kernelId: quick, incarnation: 1 });
  await facts.until(2);
  release();
  await facts.until(4);
  const told = facts.told.map(({ payload }) => [payload['kernelId'], payload['incarnation']]);
  expect(told).toEqual([
    [quick, 0],
    [quick, 1],
    [slow, 0],
    [slow, 1],
  ]);
});

it('tells of a launch that is made again, and counts it', async () => {
  const facts = new FakeGatekeeper();
  await start(facts);
  const again = { kernelId: aKernelId(), reason: 'The node was interrupted.' };
  host.tell({ kind: 'launch-again', ...again });
  await facts.until(1);
  expect(facts.told).toEqual([{ pattern: LauncherFacts.launchAgain.pattern, payload: again }]);
  expect(await metrics.metrics()).toMatch(/^beamgate_launches_again_total 1$/m);
});

it('goes on after a fact that breaks its contract', async () => {
  const facts = new FakeGatekeeper([new InvalidRequest('bad', { errors: [] })]);
  await start(facts);
  host.tell({ kind: 'ready', kernelId: aKernelId(), incarnation: 0 });
  host.tell({ kind: 'launch-failed', kernelId: aKernelId(), detail: 'next' });
  await facts.until(1);
  expect(facts.told).toMatchObject([{ payload: { detail: 'next' } }]);
});

it('lets go of the kernels when it is shut down', async () => {
  await start(new FakeGatekeeper());
  await app.close();
  expect(host.calls).toContainEqual(['close']);
});

it('reaches a gatekeeper over the bus', async () => {
  const taken: unknown[] = [];
  @Controller()
  class Gatekeeper {
    @EventPattern(LauncherFacts.kernelReady.pattern)
    take(fact: unknown): void {
      taken.push(fact);
      arrived();
    }
  }
  let arrived = (): void => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  @Module({ controllers: [Gatekeeper] })
  class GatekeeperModule {}
  const { port1, port2 } = new MessageChannel();
  const module = await Test.createTestingModule({ imports: [GatekeeperModule] }).compile();
  const gatekeeper = module.createNestMicroservice({
    strategy: new LocalServer([new LocalLink(port1)]),
    logger: false,
  });
  await gatekeeper.listen();
  const facts = new CommandClient(new LocalClient(new LocalLink(port2)));
  await start(facts);
  const kernelId = aKernelId();
  host.tell({ kind: 'ready', kernelId, incarnation: 0 });
  await arrival;
  expect(taken).toEqual([{ kernelId, incarnation: 0 }]);
  await facts.close();
  await gatekeeper.close();
});

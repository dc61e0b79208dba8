import type { NodeAvailability, NodeSpec } from '../placement/node-state.js';
import type { PlacementPolicy } from '../placement/placement-policy.js';
import { rankedGradientPolicy } from '../placement/ranked-gradient.policy.js';
import { FairShare, type FairShareSnapshot } from './fair-share.js';
import { Ledger } from './ledger.js';
import { Lines } from './lines.js';
import type { CoreConfig, CoreWorkload, QueueConfig } from './model.js';
import { Pool } from './pool.js';
import type { Running } from './running.js';

/** What one user or project holds in one queue. */
export interface Holding {
  workloads: number;
  gpuMilli: number;
}

/** All that the core knows. Belongs to `step`, which changes it in place. */
export class FullState {
  now: number;
  config: CoreConfig;
  ledger: Ledger;
  shares: FairShare;
  readonly lines = new Lines();
  readonly running = new Map<string, Running>();
  readonly pools = new Map<string, Pool>();
  readonly flavorOfNode = new Map<string, string>();
  readonly #holdings = new Map<string, Holding>();

  constructor(
    config: CoreConfig,
    now: number,
    readonly policy: PlacementPolicy = rankedGradientPolicy(),
  ) {
    this.now = now;
    this.config = config;
    this.ledger = new Ledger(config);
    this.shares = new FairShare(config);
    this.shares.advance(now);
  }

  queue(name: string): QueueConfig | undefined {
    return this.config.queues.find((one) => one.name === name);
  }

  pool(flavor: string): Pool {
    let pool = this.pools.get(flavor);
    if (!pool) {
      pool = new Pool(flavor, this.policy, this.now);
      pool.reserve(this.config.reservations, this.now);
      this.pools.set(flavor, pool);
    }
    return pool;
  }

  holding(queue: string, kind: 'user' | 'project', name: string): Readonly<Holding> {
    return this.#holdings.get(JSON.stringify([queue, kind, name])) ?? { workloads: 0, gpuMilli: 0 };
  }

  /** Capacity per flavor of the configuration and axis, in one row. */
  capacity(): number[] {
    return this.config.flavors.flatMap((flavor) => this.pools.get(flavor)?.capacity(true) ?? [0, 0, 0]);
  }

  /** Takes a place for it. */
  book(running: Running): void {
    this.#count(running, 1);
    this.pool(running.flavor).start(running);
    this.ledger.take(running.workload.queue, running.flavor, running.amounts);
  }

  unbook(running: Running): void {
    this.#count(running, -1);
    this.pool(running.flavor).end(running);
    this.ledger.release(running.workload.queue, running.flavor, running.amounts);
  }

  configure(config: CoreConfig): void {
    const before = { flavors: this.config.flavors, ...this.shares.snapshot() };
    this.config = config;
    this.ledger = new Ledger(config);
    this.shares = new FairShare(config);
    this.shares.inherit(before, this.running.values(), this.now);
    for (const { workload, flavor, amounts } of this.running.values())
      this.ledger.take(workload.queue, flavor, amounts);
    for (const pool of this.pools.values()) pool.reserve(config.reservations, this.now);
  }

  #count(running: Running, sign: 1 | -1): void {
    const { workload, amounts } = running;
    if (sign === 1) this.running.set(workload.id, running);
    else this.running.delete(workload.id);
    for (const kind of ['user', 'project'] as const) {
      const key = JSON.stringify([workload.queue, kind, workload[kind]]);
      const { workloads, gpuMilli } = this.holding(workload.queue, kind, workload[kind]);
      const left = { workloads: workloads + sign, gpuMilli: gpuMilli + sign * (amounts[0] as number) };
      if (left.workloads > 0) this.#holdings.set(key, left);
      else this.#holdings.delete(key);
    }
  }
}

/** Plain data: survives JSON. */
export interface FullSnapshot {
  now: number;
  config: CoreConfig;
  /** Per flavor in the order in which they were added, which decides between equal ones. */
  nodes: { flavor: string; node: NodeSpec; availability: NodeAvailability }[];
  running: Running[];
  waiting: CoreWorkload[];
  shares: FairShareSnapshot;
}

export function snapshotFull({ now, config, pools, running, lines, shares }: FullState): FullSnapshot {
  return structuredClone({
    now,
    config,
    nodes: [...pools.values()].flatMap(({ flavor, nodes }) =>
      [...nodes.all()].map(({ spec, availability }) => ({ flavor, node: spec, availability })),
    ),
    running: [...running.values()].map((one) => ({ ...one, until: (pools.get(one.flavor) as Pool).until(one) })),
    waiting: lines.all().flatMap(({ workloads }) => workloads),
    shares: shares.snapshot(),
  });
}

/** @param policy  the one that the state had: code is not part of a snapshot */
export function restoreFull(snapshot: FullSnapshot, policy?: PlacementPolicy): FullState {
  const { now, config, nodes, running, waiting, shares } = structuredClone(snapshot);
  const state = new FullState(config, now, policy);
  for (const { flavor, node, availability } of nodes) {
    state.pool(flavor).addNode(node, now);
    state.pool(flavor).setAvailability(node.id, availability, now);
    state.flavorOfNode.set(node.id, flavor);
  }
  for (const one of running) state.book(one);
  for (const workload of waiting) state.lines.add(workload);
  state.shares.restore(shares);
  return state;
}

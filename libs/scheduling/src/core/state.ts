import type { PlacementPolicy } from '../placement/placement-policy.js';
import { rankedGradientPolicy } from '../placement/ranked-gradient.policy.js';
import type { TypicalSet } from '../placement/typical-set.js';
import { FairShare, type Usage } from './fair-share.js';
import { Heap } from './heap.js';
import { Holdings } from './holdings.js';
import { Ledger } from './ledger.js';
import type { ClassConfig, CoreConfig, QueueConfig } from './model.js';
import type { Nomination } from './nomination.js';
import { Pool } from './pool.js';
import { Ranking } from './ranking.js';
import type { Running } from './running.js';
import { Spares } from './spares.js';
import { Waiting } from './waiting.js';

/** Who may not evict from a queue until then, having been evicted by it. */
export interface Grudge {
  queue: string;
  until: number;
}

/** All that the core knows. Belongs to `step`, which changes it in place. */
export class FullState {
  now: number;
  config: CoreConfig;
  ledger: Ledger;
  shares: FairShare;
  readonly waiting = new Waiting();
  readonly running = new Map<string, Running>();
  readonly pools = new Map<string, Pool>();
  readonly flavorOfNode = new Map<string, string>();
  readonly holdings = new Holdings();
  readonly ranking: Ranking = new Ranking(this);
  /** By who is to start. */
  readonly nominations = new Map<string, Nomination>();
  /** By who was evicted. */
  readonly grudges = new Map<string, Grudge>();
  readonly spares = new Spares();
  /** When leases run out, perhaps. */
  readonly leases = new Heap<{ at: number; id: string }>();
  /** What was told to go within the last minute. */
  evicted: { at: number; amounts: readonly number[] }[] = [];
  /** What work usually looks like; nothing: every device is as good as another. */
  typical: TypicalSet = [];
  #queues = new Map<string, QueueConfig>();
  #classes = new Map<string, ClassConfig>();

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
    this.#index();
  }

  queue(name: string): QueueConfig | undefined {
    return this.#queues.get(name);
  }

  classOf(workload: { readonly class: string }): ClassConfig | undefined {
    return this.#classes.get(workload.class);
  }

  pool(flavor: string): Pool {
    let pool = this.pools.get(flavor);
    if (!pool) {
      pool = new Pool(flavor, this.policy, this.now, this.typical);
      pool.reserve(this.config.reservations);
      this.pools.set(flavor, pool);
      // It may be reserved for some.
      this.waiting.reorder();
    }
    return pool;
  }

  /** Measures by another typical set from now on. */
  learn(typical: TypicalSet): void {
    this.typical = typical;
    for (const { nodes } of this.pools.values()) nodes.learn(typical);
  }

  /** Nodes have changed. */
  capacityChanged(): void {
    const capacity = this.config.flavors.flatMap((flavor) => this.pools.get(flavor)?.total ?? [0, 0, 0]);
    if (this.shares.setCapacity(capacity)) this.waiting.reorder();
  }

  /** Takes a place for it. */
  book(running: Running, pays: boolean): void {
    const { workload, flavor, amounts } = running;
    this.running.set(workload.id, running);
    this.holdings.add(workload, amounts, 1);
    this.pool(flavor).start(running);
    if (workload.wallMs === null) this.leases.push({ at: running.until, id: workload.id });
    this.ledger.take(workload.queue, flavor, amounts);
    this.shares.started(this.usageOf(running), pays);
    if (pays) this.waiting.reorder(workload.queue, workload.user);
  }

  /** It runs no more; its place is still booked. */
  end(running: Running): void {
    const { workload, amounts } = running;
    this.running.delete(workload.id);
    this.holdings.add(workload, amounts, -1);
    this.shares.ended(this.usageOf(running));
  }

  /** Gives its place back. */
  unbook(running: Running): void {
    const { workload, flavor, amounts } = running;
    const pool = this.pool(flavor);
    if (pool.isBooked(running)) pool.end(running);
    this.ledger.release(workload.queue, flavor, amounts);
  }

  usageOf({ workload, flavor, amounts }: Pick<Running, 'workload' | 'flavor' | 'amounts'>): Usage {
    const { queue, user } = workload;
    return { queue, user, flavor, amounts, halfLifeMs: this.classOf(workload)?.halfLifeMs ?? 0 };
  }

  configure(config: CoreConfig): void {
    const before = this.shares;
    this.config = config;
    this.#index();
    this.ledger = new Ledger(config);
    this.shares = new FairShare(config);
    this.shares.inherit(before, this.now);
    for (const pool of this.pools.values()) {
      pool.reserve(config.reservations);
      for (const { workload, flavor, amounts } of pool.booked.values())
        this.ledger.take(workload.queue, flavor, amounts);
    }
    for (const { workload, flavor, more } of this.nominations.values()) this.ledger.take(workload.queue, flavor, more);
    for (const running of this.running.values()) this.shares.started(this.usageOf(running), false);
    this.capacityChanged();
    this.waiting.configure(config.classes, this.now);
  }

  #index(): void {
    this.#queues = new Map(this.config.queues.map((one) => [one.name, one]));
    this.#classes = new Map(this.config.classes.map((one) => [one.name, one]));
    this.waiting.configure(this.config.classes, this.now);
    this.spares.configure(this.config.pools, this.now);
  }
}

import type { NodeSet } from '../placement/node-set.js';
import type { Placement } from '../placement/placement.js';
import { Demand, type DemandSnapshot } from '../pools/demand.js';
import { poolSize } from '../pools/pool-size.js';
import type { CoreAction } from './actions.js';
import type { CoreWorkload, PoolConfig } from './model.js';
import type { Pool } from './pool.js';

/** A pool as it stands. */
interface Stand {
  readonly pool: PoolConfig;
  readonly demand: Demand;
  /** Who was there before is counted already. */
  readonly since: number;
  /** Spares by node; none with 0. Never changed in place. */
  on: ReadonlyMap<string, number>;
  /** As it was at the end of the last cycle. */
  told: ReadonlyMap<string, number>;
}

/** What is known of one pool: survives JSON. */
export interface SparesSnapshot {
  environment: string;
  flavor: string;
  demand: DemandSnapshot;
  since: number;
  on: [node: string, count: number][];
}

/** What an hour of the week is known by begins anew with it. */
const HOUR = 3_600_000;
/** How soon a pool becomes smaller when less is asked for. */
const SHRINK_MS = 60_000;

/**
 * The warm pools. Spares book nothing: they stand in what is left when a cycle is over, so that nobody ever waits for, or
 * is counted against, what a spare holds; whoever starts goes before them.
 */
export class Spares {
  #stands = new Map<string, Stand>();

  /** Pools that stay keep what they know; of one that has gone nothing is kept. */
  configure(pools: readonly PoolConfig[], now: number): void {
    const before = this.#stands;
    const standOf = (pool: PoolConfig): Stand => {
      const was = before.get(keyOf(pool));
      const on = was?.on ?? NONE;
      return { pool, demand: was?.demand ?? Demand.since(now), since: was?.since ?? now, on, told: on };
    };
    this.#stands = new Map(pools.map((pool) => [keyOf(pool), standOf(pool)]));
  }

  snapshot(): SparesSnapshot[] {
    return [...this.#stands.values()].map(({ pool: { environment, flavor }, demand, since, on }) => {
      return { environment, flavor, demand: demand.snapshot(), since, on: [...on] };
    });
  }

  /** Goes on from a snapshot, for the pools that there are. */
  restore(snapshot: readonly SparesSnapshot[]): void {
    for (const { demand, since, on, ...named } of snapshot) {
      const stand = this.#stands.get(keyOf(named));
      if (!stand) continue;
      const standing = new Map(on);
      const { pool } = stand;
      this.#stands.set(keyOf(named), { pool, demand: Demand.restore(demand), since, on: standing, told: standing });
    }
  }

  /** All that is to stand now, by pool. */
  *all(): IterableIterator<{ pool: PoolConfig; on: ReadonlyMap<string, number> }> {
    for (const { pool, told } of this.#stands.values()) yield { pool, on: told };
  }

  /** Somebody wants a kernel: counts for the pool of the first of its flavors that has one. */
  asked({ environment, flavors, submittedAt }: CoreWorkload, now: number): void {
    if (environment === null) return;
    for (const flavor of flavors) {
      const stand = this.#stands.get(keyOf({ environment, flavor }));
      if (!stand) continue;
      if (submittedAt >= stand.since) stand.demand.arrived(now);
      return;
    }
  }

  /** Where spares stand that it could take on a flavor. */
  nodesFor(workload: CoreWorkload, flavor: string): readonly string[] {
    const stand = this.#standFor(workload, flavor);
    return stand ? [...stand.on.keys()] : NOWHERE;
  }

  /** It starts on that node, and takes a spare where one stands. @returns whether one does */
  taken(workload: CoreWorkload, flavor: string, node: string): boolean {
    const stand = this.#standFor(workload, flavor);
    const count = stand?.on.get(node);
    if (!stand || count === undefined) return false;
    const on = new Map(stand.on);
    if (count > 1) on.set(node, count - 1);
    else on.delete(node);
    stand.on = on;
    return true;
  }

  /**
   * Fills what is left with spares: those that stand stay where they do as long as there is room.
   *
   * @returns when to look again; Infinity: need not be
   */
  keep({ now, pools }: { now: number; pools: ReadonlyMap<string, Pool> }, actions: CoreAction[]): number {
    let again = Infinity;
    for (const [flavor, stands] of Map.groupBy(this.#stands.values(), ({ pool }) => pool.flavor)) {
      const nodes = pools.get(flavor)?.nodes;
      nodes?.trial(() => {
        for (const stand of stands) {
          const { pool, demand, told } = stand;
          const wanted = poolSize(pool, demand.expected(now, pool.coldStartMs), pool.request);
          const on = placed(nodes, stand, wanted);
          for (const node of new Set([...told.keys(), ...on.keys()])) {
            const count = on.get(node) ?? 0;
            if (count !== (told.get(node) ?? 0))
              actions.push({ kind: 'warm', environment: pool.environment, flavor, node, count });
          }
          stand.on = on;
          stand.told = on;
          if (pool.max > pool.min) again = Math.min(again, nextHour(now));
          if (wanted > pool.min) again = Math.min(again, now + SHRINK_MS);
        }
      });
    }
    return again;
  }

  #standFor({ environment, request }: CoreWorkload, flavor: string): Stand | undefined {
    if (environment === null) return undefined;
    const stand = this.#stands.get(keyOf({ environment, flavor }));
    const own = stand?.pool.request;
    return own?.cpuMilli === request.cpuMilli && own.memoryBytes === request.memoryBytes ? stand : undefined;
  }
}

/** Takes places for so many spares: first where they stand, then wherever is the best. */
function placed(nodes: NodeSet, { pool, on: before }: Stand, wanted: number): Map<string, number> {
  const shape = nodes.shape({ ...pool.request, gpuCount: 0, gpuMilli: 0 });
  const on = new Map<string, number>();
  let left = wanted;
  const takes = (placement: Placement | undefined): boolean => {
    if (!placement) return false;
    nodes.take(placement);
    on.set(placement.node, (on.get(placement.node) ?? 0) + 1);
    left -= 1;
    return true;
  };
  for (const [node, count] of before)
    for (let at = 0; at < count && left > 0 && takes(nodes.placeOn(shape, node)); at += 1);
  while (left > 0 && takes(nodes.place(shape)));
  return on;
}

const NONE: ReadonlyMap<string, number> = new Map();
const NOWHERE: readonly string[] = [];
const keyOf = ({ environment, flavor }: Pick<PoolConfig, 'environment' | 'flavor'>): string =>
  `${environment} ${flavor}`;
const nextHour = (now: number): number => (Math.floor(now / HOUR) + 1) * HOUR;

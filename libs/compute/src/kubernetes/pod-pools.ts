import type { KernelPlace, WarmSpares } from '#libs/contracts';
import { type Warmable, WarmPool } from '../process/warm-pool.js';
import type { KubernetesHostOptions, PodPoolOptions } from './kubernetes-host-options.js';
import { keyOf, type PodLaunch } from './pod-launch.js';

/** What the pools ask of a pod. */
export interface WarmPod extends Warmable {
  /** Whether a claim would reach it. */
  readonly up: boolean;
  readonly node: string | undefined;
}

/**
 * Pods that are started and wait for a kernel, under one budget. Each kernelspec has a pool for kernels without a project,
 * and one for each project while it uses that kernelspec: a pod's user and volumes are those of a project, for good. Where
 * the gatekeeper says on which nodes spares are to stand, the first of these is a pool on each of those nodes instead.
 */
export class PodPools<P extends WarmPod> {
  readonly #sizes: ReadonlyMap<string, PodPoolOptions>;
  /** By project, null among them, node, and what can't be changed. */
  readonly #pools = new Map<string, WarmPool<P>>();
  /** Names of kernelspecs whose spares stand where the gatekeeper says. */
  #placed: ReadonlySet<string> = new Set();
  /** When a project's pool is given up. */
  readonly #expiries = new Map<string, NodeJS.Timeout>();
  #closed = false;

  /**
   * @param start  starts a warm pod of a project, on a node or, with null, on any
   * @param idle   whether the host has nothing better to do
   */
  constructor(
    private readonly options: Pick<KubernetesHostOptions, 'pools' | 'poolBudget' | 'projectActiveSeconds' | 'log'>,
    private readonly start: (
      pool: PodPoolOptions,
      project: string | null,
      place: KernelPlace | null,
    ) => Promise<P | undefined>,
    private readonly idle: () => boolean,
  ) {
    this.#sizes = new Map(options.pools.map((pool) => [keyOf(pool.like), pool]));
    for (const pool of options.pools) if (pool.ceiling > 0) this.#open(pool, null);
  }

  get pods(): P[] {
    return [...this.#pools.values()].flatMap((pool) => pool.kernels);
  }

  /** One that can be claimed, for a kernel of that project; counts as demand, and as use by the project. */
  take(like: PodLaunch, project: string | null, place: KernelPlace | null): P | undefined {
    const size = this.#sizes.get(keyOf(like));
    if (this.#closed || size === undefined) return undefined;
    const isPlaced = project === null && this.#placed.has(size.name);
    const pool = isPlaced
      ? this.#pools.get(poolKey(null, like, place?.node))
      : (this.#pools.get(poolKey(project, like)) ?? this.#open(size, project));
    if (pool === undefined) return undefined;
    if (project !== null) this.#expireLater(poolKey(project, like));
    // A warm pod has no devices.
    const fits = ({ node }: P) => place === null || (place.node === node && place.devices.length === 0);
    for (let warm = pool.take(fits); warm !== undefined; warm = pool.take(fits)) {
      if (warm.up) return warm;
      warm.dismiss();
    }
    return undefined;
  }

  keep(pools: readonly WarmSpares[]): void {
    if (this.#closed) return;
    this.#placed = new Set(pools.map(({ environment }) => environment));
    for (const size of this.options.pools) {
      const { name, like } = size;
      const spares = pools.filter(({ environment }) => environment === name).flatMap((one) => one.spares);
      const places = new Map(spares.map((one) => [poolKey(null, like, one.node), one]));
      const plain = poolKey(null, like);
      const gone = [...this.#pools.keys()].filter((key) => this.#isOf(key, like) && !places.has(key));
      for (const key of gone) if (this.#placed.has(name) || key !== plain) this.#end(key);
      for (const [key, { flavor, node, count }] of places) {
        const resized = { ...size, floor: count, ceiling: count };
        const place = { flavor, node, devices: [], gpuMilli: 0, migProfile: null };
        (this.#pools.get(key) ?? this.#open(resized, null, place)).resize(resized);
      }
      if (!this.#placed.has(name) && size.ceiling > 0 && !this.#pools.has(plain)) this.#open(size, null);
    }
    this.refill();
  }

  refill(): void {
    for (const pool of this.#pools.values()) pool.refill();
  }

  /** Ends them all. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#expiries.values()) clearTimeout(timer);
    for (const pool of this.#pools.values()) pool.close();
  }

  #open(size: PodPoolOptions, project: string | null, place: KernelPlace | null = null): WarmPool<P> {
    const { log, poolBudget } = this.options;
    const room = () => [...this.#pools.values()].reduce((sum, one) => sum + one.count, 0) < poolBudget;
    const told = (ready: number) => log.info({ kernelspec: size.name, project, ready }, 'warm kernel ready');
    const pool = new WarmPool<P>(size, () => this.start(size, project, place), this.idle, room, told);
    this.#pools.set(poolKey(project, size.like, place?.node), pool);
    return pool;
  }

  /** Whether it is a pool of kernels like these that are of no project. */
  #isOf(key: string, like: PodLaunch): boolean {
    return key === poolKey(null, like) || key.startsWith(`${poolKey(null, like).slice(0, -1)},`);
  }

  #end(key: string): void {
    this.#pools.get(key)?.close();
    this.#pools.delete(key);
  }

  #expireLater(key: string): void {
    clearTimeout(this.#expiries.get(key));
    const expire = () => {
      this.#end(key);
      this.#expiries.delete(key);
      // The budget has room now.
      this.refill();
    };
    this.#expiries.set(key, setTimeout(expire, this.options.projectActiveSeconds * 1000).unref());
  }
}

const poolKey = (project: string | null, like: PodLaunch, node?: string): string =>
  JSON.stringify([project, keyOf(like), ...(node === undefined ? [] : [node])]);

import type { ProcessCommand, WarmSpares } from '#libs/contracts';
import type { AgentSpec } from './agent-files.js';
import type { HostedKernel } from './hosted-kernel.js';
import type { PoolOptions, ProcessHostOptions } from './process-host-options.js';
import { WarmPool } from './warm-pool.js';

/** The pools of a host, one for each command, under one budget. */
export class WarmPools {
  readonly #pools: ReadonlyMap<string, WarmPool<HostedKernel>>;
  readonly #options: readonly PoolOptions[];
  readonly #log: ProcessHostOptions['log'];

  /**
   * @param start  starts a warm kernel; undefined while its template is not ready
   * @param idle   whether the host has nothing better to do
   */
  constructor(
    { pools, poolBudget, log }: Pick<ProcessHostOptions, 'pools' | 'poolBudget' | 'log'>,
    start: (pool: PoolOptions) => Promise<HostedKernel | undefined>,
    idle: () => boolean,
  ) {
    this.#options = pools;
    this.#log = log;
    const room = (): boolean => this.kernels.length < poolBudget;
    this.#pools = new Map(
      pools.map((pool) => {
        const tell = (ready: number): void => log.info({ kernelspec: pool.name, ready }, 'warm kernel ready');
        return [keyOf(pool.command), new WarmPool(pool, () => start(pool), idle, room, tell)];
      }),
    );
  }

  get kernels(): HostedKernel[] {
    return [...this.#pools.values()].flatMap((pool) => pool.kernels);
  }

  /** A warm kernel that can become the one of `spec`, and what it must be told for that. */
  take(spec: AgentSpec): { warm: HostedKernel; spec: AgentSpec } | undefined {
    const pool = this.#pools.get(keyOf(spec.kernel));
    const [first] = pool?.kernels ?? [];
    if (first !== undefined && !sameLimits(first.spec, spec)) return undefined;
    const warm = pool?.take();
    if (warm === undefined) return undefined;
    const { clientToken, controlToken, env, kernelId: warmId } = warm.spec;
    return { warm, spec: { ...spec, clientToken, controlToken, env, claim: { ...changes(env, spec.env), warmId } } };
  }

  /** All nodes of theirs are this machine. */
  keep(pools: readonly WarmSpares[]): void {
    for (const [key, alike] of Map.groupBy(this.#options, ({ command }) => keyOf(command))) {
      const named = pools.filter(({ environment }) => alike.some(({ name }) => name === environment));
      const count = named.flatMap(({ spares }) => spares).reduce((sum, one) => sum + one.count, 0);
      const own = alike.at(-1) as PoolOptions;
      const { floor, ceiling } = named.length > 0 ? { floor: count, ceiling: count } : own;
      const pool = this.#pools.get(key);
      if (pool?.resize({ floor, ceiling })) this.#log.info({ kernelspec: own.name, floor, ceiling }, 'spares are kept');
    }
  }

  refill(): void {
    for (const pool of this.#pools.values()) pool.refill();
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.close();
  }
}

/** Kernels of one key start alike. */
const keyOf = (command: ProcessCommand): string =>
  command.kind === 'python'
    ? command.python
    : JSON.stringify([command.argv, command.interruptMode, command.resourceDir]);

const sameLimits = ({ limits: one }: AgentSpec, { limits: other }: AgentSpec): boolean =>
  one.memoryBytes === other.memoryBytes && one.cpuMilli === other.cpuMilli && one.cgroups === other.cgroups;

/** What makes one environment of the other. */
const changes = (
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): { env: Record<string, string>; unset: string[] } => ({
  env: Object.fromEntries(Object.entries(to).filter(([name, value]) => from[name] !== value)),
  unset: Object.keys(from).filter((name) => !Object.hasOwn(to, name)),
});

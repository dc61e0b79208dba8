import type { ProcessCommand } from '#libs/contracts';
import type { AgentSpec } from './agent-files.js';
import type { HostedKernel } from './hosted-kernel.js';
import type { PoolOptions, ProcessHostOptions } from './process-host-options.js';
import { WarmPool } from './warm-pool.js';

/** The pools of a host, one for each command, under one budget. */
export class WarmPools {
  readonly #pools: ReadonlyMap<string, WarmPool<HostedKernel>>;

  /**
   * @param start  starts a warm kernel; undefined while its template is not ready
   * @param idle   whether the host has nothing better to do
   */
  constructor(
    { pools, poolBudget, log }: Pick<ProcessHostOptions, 'pools' | 'poolBudget' | 'log'>,
    start: (pool: PoolOptions) => Promise<HostedKernel | undefined>,
    idle: () => boolean,
  ) {
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

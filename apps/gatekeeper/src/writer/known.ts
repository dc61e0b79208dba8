import { Inject, Injectable } from '@nestjs/common';
import type { Kernel, KernelId, NodeReport, SchedulingConfig, SchedulingDocument, WarmSpares } from '#libs/contracts';
import { CLOCK, type Clock, isLaunching } from '#libs/domain';
import { coreConfigOf, fullCore, type NodeTotals, type SpareRequest } from '#libs/scheduling';
import { STORE, type Store } from '#libs/store';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { localConfig } from '../scheduling/local-config.js';
import { nodeEvents, nodesOf, type PlacedNode, totalsOf } from '../scheduling/nodes.js';
import { runningEvent } from '../scheduling/running-event.js';
import { workloadOf } from '../scheduling/workload-of.js';
import { HeldTimes, REMEMBERED } from './held-times.js';
import { StartTimes } from './start-times.js';

/** Rows of before there were spares tell nothing of them. */
type PastUse = fullCore.FairShareSnapshot & { spares?: readonly fullCore.SparesSnapshot[] };

/** What the gatekeeper knows by heart: the living kernels and the core. The rows are the truth; this follows them. */
@Injectable()
export class Known {
  readonly kernels = new Map<KernelId, Kernel>();
  readonly held = new HeldTimes();
  readonly starts = new StartTimes();
  core: fullCore.State;
  /** What an admin has configured; null: nothing. Version 0 is nothing. */
  document: { version: number; config: SchedulingConfig | null } = { version: 0, config: null };
  /** What the launcher says keeps it from starting kernels, as a sentence; null: nothing. */
  hindrance: string | null = null;
  /** Why kernels that are starting are launched another time, as sentences. */
  readonly cutLaunches = new Map<KernelId, string>();
  #reports: readonly NodeReport[];
  /** A launcher has told of all of them. */
  #areNodesTold = false;
  #nodes: Map<string, PlacedNode> = new Map();

  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#reports = config.scheduling.nodes;
    this.core = new fullCore.State(localConfig(config), clock.now());
  }

  /** Forgets all and reads the rows anew. @returns what the empty core is to be told first */
  async load(): Promise<fullCore.CoreEvent[]> {
    const living = await this.store.livingKernels();
    this.held.load(await this.store.heldTimes(REMEMBERED));
    this.starts.load(await this.store.startTimes(REMEMBERED));
    const past = (await this.store.shares()) as { at: number; shares: PastUse } | null;
    this.document = (await this.store.schedulingConfig()) ?? { version: 0, config: null };
    this.kernels.clear();
    for (const kernel of living) this.kernels.set(kernel.id, kernel);
    const { core, events } = this.rebuilt(this.document.config, past);
    this.core = core;
    this.#nodes = nodesOf(this.#reports, this.document.config, this.config);
    return events;
  }

  /**
   * A core that is yet to be told of these, which then knows all that is.
   *
   * @param past    what was used, as it was stored
   * @param spares  what stands, and how often kernels were asked for
   */
  rebuilt(
    config: SchedulingConfig | null,
    past: { at: number; shares: PastUse } | null = null,
    spares: readonly fullCore.SparesSnapshot[] = past?.shares.spares ?? [],
  ): { core: fullCore.State; events: fullCore.CoreEvent[] } {
    const now = this.clock.now();
    const core = new fullCore.State(config ? coreConfigOf(config, this.requestOf) : localConfig(this.config), now);
    if (past) core.shares.takeOver(past.shares);
    core.learn(this.core.typical);
    core.spares.restore(spares.map((one) => ({ ...one, since: now })));
    const nodes = nodesOf(this.#reports, config, this.config);
    const events = nodeEvents(new Map(), nodes);
    // At once, since submissions are judged before the first step; told again, they are in the log, too.
    fullCore.step(core, events, now);
    const [waiting, having] = partition([...this.kernels.values()], ({ phase }) => phase === 'queued');
    const running = having.map((kernel) => {
      const startedAt = kernel.admittedAt ?? now;
      return { ...runningEvent(kernel, config, nodes, startedAt), pays: past !== null && startedAt > past.at };
    });
    // What is left is for those of whom nobody knows where they run.
    const [unplaced, placed] = partition(running, ({ place }) => place === null);
    const submitted = waiting.map((kernel) => workloadOf(kernel, kernel.submittedAt, config));
    events.push(...placed, ...unplaced, ...submitted.map((workload) => ({ kind: 'submitted' as const, workload })));
    return { core, events };
  }

  /** Goes over to another configuration: the core is made anew of what is, and keeps what was used. @returns what it is to be told */
  configure({ version, config }: SchedulingDocument): fullCore.CoreEvent[] {
    const { shares, spares } = this.core;
    this.document = { version, config };
    const { core, events } = this.rebuilt(config, null, spares.snapshot());
    core.shares.inherit(shares, this.clock.now());
    this.core = core;
    this.#nodes = nodesOf(this.#reports, config, this.config);
    return events;
  }

  /** What a spare of a profile holds. */
  readonly requestOf: SpareRequest = (name = this.config.defaultProfile) => {
    const { cpuMilli, memoryBytes } = this.config.profiles[name]?.requests ?? {};
    return cpuMilli === undefined || memoryBytes === undefined ? undefined : { cpuMilli, memoryBytes };
  };

  /** What is stored of the past, which no row of a kernel tells. */
  pastUse(): PastUse {
    return { ...this.core.shares.snapshot(), spares: this.core.spares.snapshot() };
  }

  /** Where spares are to stand; undefined: nodes are not known, so that nothing can be said. */
  spares(): WarmSpares[] | undefined {
    if (this.#reports.length === 0) return undefined;
    const byEnvironment = Map.groupBy(this.core.spares.all(), ({ pool }) => pool.environment);
    return [...byEnvironment].map(([environment, pools]) => ({
      environment,
      spares: pools.flatMap(({ pool: { flavor }, on }) => [...on].map(([node, count]) => ({ flavor, node, count }))),
    }));
  }

  /** What all nodes have, by the flavors that they would belong to; undefined before any is known. */
  totals(config: SchedulingConfig): NodeTotals | undefined {
    return this.#reports.length === 0 ? undefined : totalsOf(nodesOf(this.#reports, config, this.config).values());
  }

  /** A launcher has told of its nodes. @returns what the core is to be told */
  nodes(reports: readonly NodeReport[]): fullCore.CoreEvent[] {
    this.#reports = reports;
    this.#areNodesTold = true;
    const after = nodesOf(reports, this.document.config, this.config);
    const events = nodeEvents(this.#nodes, after);
    this.#nodes = after;
    return this.#withRunning(events);
  }

  /** Some are not as they were. Before all are known that says nothing: they will be told. @returns what the core is to be told */
  nodesChanged(changed: readonly NodeReport[], gone: readonly string[]): fullCore.CoreEvent[] {
    if (!this.#areNodesTold) return [];
    const ids = [...changed.map(({ id }) => id), ...gone];
    const touched = new Set(ids);
    this.#reports = [...this.#reports.filter(({ id }) => !touched.has(id)), ...changed];
    if (this.document.config === null) return [];
    const after = nodesOf(changed, this.document.config, this.config);
    const before = new Map(ids.flatMap((id) => (this.#nodes.has(id) ? [[id, this.#nodes.get(id) as PlacedNode]] : [])));
    for (const id of ids) this.#nodes.delete(id);
    for (const [id, node] of after) this.#nodes.set(id, node);
    return this.#withRunning(nodeEvents(before, after));
  }

  #withRunning(events: fullCore.CoreEvent[]): fullCore.CoreEvent[] {
    // Whoever ran on a node that comes back, or that is told of for the first time, has its place there.
    const added = new Set(events.flatMap((event) => (event.kind === 'node-added' ? [event.node.id] : [])));
    const removed = new Set(events.flatMap((event) => (event.kind === 'node-removed' ? [event.id] : [])));
    for (const kernel of this.kernels.values()) {
      const { place } = kernel.scheduling;
      const held = this.core.running.get(kernel.id)?.placement.node;
      const isToTell = place ? added.has(place.node) : held !== undefined && removed.has(held);
      if (kernel.phase === 'queued' || !isToTell) continue;
      events.push(runningEvent(kernel, this.document.config, this.#nodes, kernel.admittedAt ?? 0));
    }
    return events;
  }

  /** Takes up rows that are on disk now. */
  follow(kernels: Iterable<Kernel>): void {
    for (const kernel of kernels) {
      this.starts.changed(this.kernels.get(kernel.id), kernel);
      if (!isLaunching(kernel)) this.cutLaunches.delete(kernel.id);
      if (kernel.phase === 'ended') {
        // One that had ended before changes its reason only.
        if (this.kernels.delete(kernel.id)) this.held.ended(kernel);
      } else this.kernels.set(kernel.id, kernel);
    }
  }
}

/** Those of which it holds, and the others. */
function partition<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  const by = Map.groupBy(all, holds);
  return [by.get(true) ?? [], by.get(false) ?? []];
}

import type { CoreWorkload } from '../core/model.js';
import type { FullState } from '../core/state.js';
import type { TypicalSet } from '../placement/typical-set.js';
import type { Ask, History, NodeChange, UseEvent } from './history.js';
import { isPutBack } from './history.js';
import type { LogMoment, LogWatch } from './replay-log.js';

type Told = Omit<LogMoment, 'result'>;

/** Gathers from a replay what was asked for, how long it ran, and which nodes there were. */
export class HistoryWatch implements LogWatch, History {
  readonly asks: Ask[] = [];
  readonly nodes: NodeChange[] = [];
  readonly typical: { at: number; shapes: TypicalSet }[] = [];
  /** Those that have not ended, by the id that the core knows. */
  readonly #open = new Map<string, Ask>();
  readonly #known = new Map<string, NonNullable<NodeChange['node']>>();
  readonly #times = new Map<string, number>();
  #config: Told['config'] = null;
  /** What is told in this step may be old. */
  #anew = false;

  before({ at, state, config, events, anew }: Told): void {
    this.#config = config;
    this.#anew = anew;
    if (anew) {
      this.#nodesAre(state, at);
      if (this.asks.length === 0) this.#begin(state, at);
    }
    for (const event of events) this.#hear(event, state, at);
  }

  after({ at, state, anew, result }: LogMoment): void {
    for (const action of result.actions) {
      const ask = action.kind === 'warm' ? undefined : this.#open.get(action.id);
      if (!ask) continue;
      if (action.kind === 'start') {
        ask.run = { startedAt: at, endedAt: null, endedBy: null };
        ask.uses = [];
      } else if (action.kind === 'lost') this.#ended(ask, at, 'node');
      else if (action.kind === 'refuse') this.#open.delete(action.id);
    }
    if (!anew) return;
    // Whoever is not told of any more has ended while nobody looked.
    for (const [id, ask] of this.#open) {
      if (state.running.has(id) || state.waiting.get(id)) continue;
      this.#left(ask, at, null);
      this.#open.delete(id);
    }
  }

  #hear(event: Told['events'][number], state: FullState, at: number): void {
    switch (event.kind) {
      case 'submitted':
        this.#asked(event.workload, at);
        return;
      case 'running': {
        const ask = this.#open.get(event.workload.id);
        const { workload, place, startedAt } = event;
        if (!ask) this.#add(workload, at, { place, startedAt });
        // Its node is back, or the core was made anew.
        else if (ask.run) Object.assign(ask.run, { endedAt: null, endedBy: null });
        else ask.run = { startedAt, endedAt: null, endedBy: null };
        return;
      }
      case 'released': {
        const ask = this.#open.get(event.id);
        if (!ask) return;
        const how = state.running.get(event.id)?.leaving?.how ?? null;
        this.#left(ask, at, how);
        if (how !== 'requeue') this.#open.delete(event.id);
        return;
      }
      case 'idle':
      case 'busy':
      case 'kept':
        this.#used(event, at);
        return;
      case 'node-added':
        if (!this.#known.has(event.node.id))
          this.#nodeIs(event.node.id, { flavor: event.flavor, spec: event.node, availability: 'open' }, at);
        return;
      case 'node-changed': {
        const node = this.#known.get(event.id);
        if (node) this.#nodeIs(event.id, { ...node, availability: event.availability }, at);
        return;
      }
      case 'typical':
        this.typical.push({ at, shapes: event.shapes });
        return;
      case 'node-removed':
        this.#nodeIs(event.id, null, at);
    }
  }

  #begin(state: FullState, at: number): void {
    for (const { workload, flavor, placement, startedAt, idleSince } of state.running.values()) {
      const { node, devices, mig } = placement;
      const place = { flavor, node, devices, ...(mig ? { migStart: mig.start } : {}) };
      this.#add(workload, at, { place, startedAt });
      if (idleSince !== null) this.#used({ kind: 'idle', id: workload.id, since: idleSince }, at);
    }
    for (const workload of state.waiting.workloads()) this.#add(workload, at, null);
  }

  #asked(workload: CoreWorkload, at: number): void {
    const ask = this.#open.get(workload.id);
    if (ask && ask.run?.endedAt == null) return;
    if (ask && isPutBack(ask, workload)) return;
    this.#add(workload, at, null);
  }

  #add(workload: CoreWorkload, at: number, begun: Ask['begun']): void {
    const times = (this.#times.get(workload.id) ?? 0) + 1;
    this.#times.set(workload.id, times);
    const id = times === 1 ? workload.id : `${workload.id}#${times}`;
    const run = begun && { startedAt: begun.startedAt, endedAt: null, endedBy: null };
    const askedAt = this.#anew ? workload.submittedAt : at;
    const ask: Ask = {
      askedAt,
      id,
      workload: { ...workload, id },
      config: this.#config,
      at,
      begun,
      run,
      gaveUpAt: null,
      uses: [],
    };
    this.asks.push(ask);
    this.#open.set(workload.id, ask);
  }

  #left(ask: Ask, at: number, how: NonNullable<Ask['run']>['endedBy']): void {
    if (ask.run && (ask.run.endedAt === null || ask.run.endedBy === 'node')) this.#ended(ask, at, how ?? 'itself');
    else if (!ask.run) ask.gaveUpAt = at;
  }

  #ended({ run }: Ask, at: number, by: NonNullable<Ask['run']>['endedBy']): void {
    if (run) Object.assign(run, { endedAt: at, endedBy: by });
  }

  #used(event: UseEvent, at: number): void {
    const ask = this.#open.get(event.id);
    const { startedAt } = ask?.run ?? {};
    if (!ask || startedAt === undefined) return;
    const sinceMs = (event.kind === 'idle' ? event.since : at) - startedAt;
    ask.uses.push({ afterMs: at - startedAt, kind: event.kind, sinceMs });
  }

  #nodesAre(state: FullState, at: number): void {
    const now = new Map<string, NonNullable<NodeChange['node']>>();
    for (const { flavor, nodes } of state.pools.values())
      for (const { spec, availability } of nodes.all()) now.set(spec.id, { flavor, spec, availability });
    for (const id of this.#known.keys()) if (!now.has(id)) this.#nodeIs(id, null, at);
    for (const [id, node] of now)
      if (JSON.stringify(node) !== JSON.stringify(this.#known.get(id))) this.#nodeIs(id, node, at);
  }

  #nodeIs(id: string, node: NodeChange['node'], at: number): void {
    if (node) this.#known.set(id, node);
    else this.#known.delete(id);
    this.nodes.push({ at, id, node });
  }
}

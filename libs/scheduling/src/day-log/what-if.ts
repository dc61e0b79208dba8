import type { CoreAction, EvictedAs } from '../core/actions.js';
import { stepFull } from '../core/core.js';
import { Heap } from '../core/heap.js';
import type { CoreConfig, CoreEvent, CoreWorkload, RunningPlace } from '../core/model.js';
import { FullState } from '../core/state.js';
import type { TypicalSet } from '../placement/typical-set.js';
import type { DayRecorder } from '../simulate/day-recorder.js';
import type { Ask, History, NodeChange, Use } from './history.js';
import { runLengths } from './run-lengths.js';

/** How a day is carried over into another configuration. */
export interface WhatIf {
  readonly config: CoreConfig;
  /** What was used before; the state that the log begins with. */
  readonly before: FullState;
  /** Where a workload enters now. */
  readonly workloadOf: (ask: Ask) => CoreWorkload;
  /** Of which flavor a node is now; undefined: of none. */
  readonly flavorOf: (node: NonNullable<NodeChange['node']>) => string | undefined;
  readonly to: number;
}

interface Life {
  readonly ask: Ask;
  readonly lengthMs: number;
  workload: CoreWorkload;
  /** Null: it does not run. */
  startedAt: number | null;
  place: RunningPlace | null;
  /** What is planned for it of an earlier turn is void. */
  turn: number;
}

type What =
  | { kind: 'ask' | 'give-up'; life: Life }
  | { kind: 'end'; life: Life; turn: number }
  | { kind: 'use'; life: Life; turn: number; use: Use }
  | { kind: 'evict'; life: Life; turn: number; how: EvictedAs; whom: string }
  | { kind: 'node'; change: NodeChange }
  | { kind: 'typical'; shapes: TypicalSet }
  | { kind: 'look' };
type Due = { readonly at: number; readonly id: string } & What;

/** Lets the same people ask for the same under another configuration. */
export function replayWhatIf(history: History, options: WhatIf, recorder: DayRecorder): void {
  new WhatIfReplay(options, recorder).run(history);
}

class WhatIfReplay {
  readonly #state: FullState;
  readonly #due = new Heap<Due>();
  readonly #lives = new Map<string, Life>();
  readonly #nodes = new Map<string, NonNullable<NodeChange['node']>>();
  #events: CoreEvent[] = [];
  #now: number;
  #lookAt: number | null = null;
  #planned = 0;

  constructor(
    private readonly options: WhatIf,
    private readonly recorder: DayRecorder,
  ) {
    const { config, before } = options;
    this.#now = before.now;
    this.#state = new FullState(config, before.now);
    this.#state.shares.inherit(before.shares, before.now);
    this.#state.spares.restore(before.spares.snapshot());
    this.#state.learn(before.typical);
  }

  run({ asks, nodes, typical }: History): void {
    const lengthOf = runLengths(asks);
    for (const change of nodes) this.#plan(change.at, { kind: 'node', change });
    for (const { at, shapes } of typical) this.#plan(at, { kind: 'typical', shapes });
    for (const ask of asks) {
      const workload = this.options.workloadOf(ask);
      const life: Life = { ask, workload, lengthMs: lengthOf(ask), startedAt: null, place: null, turn: 0 };
      this.#lives.set(ask.id, life);
      this.#plan(ask.at, { kind: 'ask', life });
      if (ask.gaveUpAt !== null) this.#plan(ask.gaveUpAt, { kind: 'give-up', life });
    }
    for (let next = this.#due.first; next && next.at <= this.options.to; next = this.#due.first) {
      this.#now = Math.max(this.#now, next.at);
      for (let due = this.#due.first; due && due.at <= this.#now; due = this.#due.first) {
        this.#due.pop();
        this.#happen(due);
      }
      if (this.#events.length > 0) this.#step();
    }
  }

  /** What is planned for the same moment comes in this order: nodes, whoever ends, whoever asks; then as it was planned. */
  #plan(at: number, what: What): void {
    const order = { node: 0, typical: 0, end: 1, evict: 2, use: 3, ask: 4, 'give-up': 5, look: 6 }[what.kind];
    this.#planned += 1;
    this.#due.push({ at, id: `${order}${String(this.#planned).padStart(12, '0')}`, ...what });
  }

  #happen(due: Due): void {
    switch (due.kind) {
      case 'node':
        this.#nodeIs(due.change);
        return;
      case 'typical':
        this.#events.push({ kind: 'typical', shapes: due.shapes });
        return;
      case 'look':
        if (due.at === this.#lookAt) this.#events.push({ kind: 'tick' });
        return;
      case 'ask':
        this.#ask(due.life);
        return;
      case 'give-up':
        if (this.#state.waiting.get(due.life.ask.id)) this.#events.push({ kind: 'released', id: due.life.ask.id });
        return;
      case 'end':
        if (due.turn === due.life.turn) this.#end(due.life);
        return;
      case 'use':
        if (due.turn === due.life.turn) this.#use(due.life, due.use);
        return;
      case 'evict':
        if (due.turn === due.life.turn) this.#evict(due.life, due);
    }
  }

  #ask(life: Life): void {
    const { ask, workload } = life;
    if (!ask.begun) {
      this.recorder.asked(ask.id, ask.askedAt);
      this.#events.push({ kind: 'submitted', workload });
      return;
    }
    life.place = ask.begun.place;
    this.#started(life, ask.begun.startedAt);
    this.#runs(life, ask.begun.place);
  }

  #started(life: Life, at: number): void {
    const { ask, lengthMs } = life;
    life.startedAt = at;
    life.turn += 1;
    const { turn } = life;
    if (lengthMs < Infinity) this.#plan(at + lengthMs, { kind: 'end', life, turn });
    for (const use of ask.uses) this.#plan(at + use.afterMs, { kind: 'use', life, turn, use });
  }

  #end(life: Life): void {
    life.turn += 1;
    life.startedAt = life.place = null;
    this.#events.push({ kind: 'released', id: life.ask.id });
  }

  #use({ ask: { id }, startedAt }: Life, { kind, sinceMs }: Use): void {
    if (kind === 'idle') this.#events.push({ kind, id, since: (startedAt ?? this.#now) + sinceMs });
    else this.#events.push({ kind, id });
  }

  #evict(life: Life, { how, whom, at }: { how: EvictedAs; whom: string; at: number }): void {
    const running = this.#state.running.get(life.ask.id);
    if (running?.leaving?.at !== at || running.leaving.how !== how) return;
    this.recorder.evicted(how, whom, this.#now);
    this.#end(life);
    if (how !== 'requeue') return;
    life.workload = { ...running.workload, evictions: running.workload.evictions + 1 };
    this.recorder.asked(life.ask.id, this.#now);
    this.#events.push({ kind: 'submitted', workload: life.workload });
  }

  /** A node that is not as it was goes and comes, with all that runs there. */
  #nodeIs({ id, node: told }: NodeChange): void {
    const before = this.#nodes.get(id);
    const flavor = told ? this.options.flavorOf(told) : undefined;
    const node = told && flavor !== undefined ? { ...told, flavor } : undefined;
    const stays = before && node && before.flavor === node.flavor && same(before.spec, node.spec);
    if (before && !stays) this.#events.push({ kind: 'node-removed', id });
    if (!node) {
      this.#nodes.delete(id);
      return;
    }
    this.#nodes.set(id, node);
    if (!stays) this.#events.push({ kind: 'node-added', flavor: node.flavor, node: node.spec });
    if ((stays ? before.availability : 'open') !== node.availability)
      this.#events.push({ kind: 'node-changed', id, availability: node.availability });
    if (stays) return;
    for (const life of this.#lives.values()) if (life.place?.node === id) this.#runs(life, life.place);
  }

  /** It has its place, now or still: on a node that comes back, too. @param place  null: nobody chose one */
  #runs(life: Life, place: RunningPlace | null): void {
    const { workload, startedAt } = life;
    if (startedAt === null) return;
    const now = place && { ...place, flavor: this.#nodes.get(place.node)?.flavor ?? place.flavor };
    this.#events.push({ kind: 'running', workload, place: now, startedAt });
  }

  #step(): void {
    const events = this.#events;
    this.#events = [];
    const result = stepFull(this.#state, events, this.#now);
    for (const action of result.actions) this.#take(action);
    this.#lookAt = result.lookAgainAt;
    if (result.lookAgainAt !== null) this.#plan(result.lookAgainAt, { kind: 'look' });
    this.recorder.stepped(this.#state, result, this.#now);
  }

  #take(action: CoreAction): void {
    const life = action.kind === 'warm' ? undefined : this.#lives.get(action.id);
    if (!life) return;
    if (action.kind === 'start') {
      const { flavor, node, devices, migStart } = action;
      life.place = { flavor, node, devices, ...(migStart === undefined ? {} : { migStart }) };
      this.#started(life, this.#now);
    } else if (action.kind === 'evict') {
      const { at, how, for: whom } = action;
      this.#plan(at, { kind: 'evict', life, turn: life.turn, how, whom });
    }
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

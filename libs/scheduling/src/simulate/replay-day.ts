import { Heap } from '../core/heap.js';
import * as fullCore from '../core/index.js';
import type { NodeSpec } from '../placement/node-state.js';
import type { ShapeRequest } from '../placement/shape.js';
import type { DayEvent, DayRequest, SessionEvent } from './day-event.js';
import { type DayOutcome, DayRecorder } from './day-recorder.js';

/** The queue and the class of each kind of work. */
export interface DayRoute {
  readonly queue: string;
  readonly class: string;
}

export interface DayOptions {
  readonly config: fullCore.CoreConfig;
  readonly flavor: string;
  readonly nodes: readonly NodeSpec[];
  readonly routes: Readonly<Record<DayEvent['kind'], DayRoute>>;
  /** An idle kernel ends after so long, whoever waits; null: never. */
  readonly cullMs: number | null;
}

export interface DayResult {
  /** From asking to the start, ms, by kind; of a session also each time that it asks again for a kernel that was ended. */
  readonly waits: Readonly<Record<DayEvent['kind'], readonly number[]>>;
  /** GPU held by kernels that ran nothing. */
  readonly idleGpuHours: number;
  readonly busyGpuHours: number;
  readonly evictions: { readonly reclaimed: number; readonly requeued: number; readonly useless: number };
  readonly culled: number;
  readonly unstarted: number;
  /** All of it, by class, and each start with its place. */
  readonly outcome: DayOutcome;
}

interface Live {
  readonly event: DayEvent;
  /** Of its present kernel, or the one that it waits for. */
  id: string;
  asked: number;
  running: boolean;
  cell: number;
  idleSince: number | null;
  /** What is to happen next of itself; another number: it was called off. */
  turn: number;
}

interface Due {
  readonly at: number;
  readonly id: string;
  readonly what: 'arrive' | 'cell' | 'cell-end' | 'job-end' | 'cull' | 'evict' | 'look';
  readonly live?: Live;
  readonly turn?: number;
}

/** What was asked for in the last hours gets its time, too. */
const LASTS_MS = 36 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

/** A day under the core, with people who come back to their kernels, or find that these have ended. */
export function replayDay(events: readonly DayEvent[], options: DayOptions): DayResult {
  return new DayReplay(options).run(events);
}

class DayReplay {
  readonly #state: fullCore.State;
  readonly #due = new Heap<Due>();
  readonly #lives = new Map<string, Live>();
  readonly #leaving = new Map<string, { at: number; for: string; how: fullCore.EvictedAs }>();
  readonly #waits: Record<DayEvent['kind'], number[]> = { session: [], beamline: [], reprocessing: [] };
  readonly #recorder = new DayRecorder();
  #events: fullCore.CoreEvent[] = [];
  #now = 0;
  #idle = 0;
  #busy = 0;
  #culled = 0;
  #restarts = 0;

  constructor(private readonly options: DayOptions) {
    this.#state = new fullCore.State(options.config, 0);
    for (const node of options.nodes) this.#events.push({ kind: 'node-added', flavor: options.flavor, node });
  }

  run(events: readonly DayEvent[]): DayResult {
    for (const event of events) {
      const live: Live = { event, id: event.id, asked: event.at, running: false, cell: 0, idleSince: null, turn: 0 };
      this.#due.push({ at: event.at, id: event.id, what: 'arrive', live });
    }
    const end = LASTS_MS;
    for (let next = this.#due.first; next && next.at <= end; next = this.#due.first) {
      this.#now = next.at;
      for (let due = this.#due.first; due && due.at === this.#now; due = this.#due.first) {
        this.#due.pop();
        this.#happen(due);
      }
      this.#step();
    }
    for (const live of this.#lives.values()) if (live.running) this.#idleUntilNow(live);
    // Of thousandths of a device, milliseconds.
    const hours = (held: number): number => held / 1_000 / 3_600_000;
    const outcome = this.#recorder.outcome(Math.max(DAY_MS, this.#now));
    return {
      waits: this.#waits,
      ...{ idleGpuHours: hours(this.#idle), busyGpuHours: hours(this.#busy), culled: this.#culled },
      evictions: outcome.evictions,
      unstarted: this.#state.waiting.size,
      outcome,
    };
  }

  #happen({ what, live, turn, id }: Due): void {
    if (what === 'look') this.#events.push({ kind: 'tick' });
    else if (what === 'evict') this.#evict(id);
    else if (live && what === 'arrive') this.#ask(live);
    else if (live && turn === live.turn) this.#go(live, what);
  }

  #go(live: Live, what: Due['what']): void {
    if (what === 'job-end') this.#end(live);
    else if (what === 'cull') {
      this.#culled += 1;
      this.#end(live);
    } else if (what === 'cell') this.#runCell(live);
    else if (what === 'cell-end') this.#rest(live);
  }

  #ask(live: Live): void {
    const { event, id } = live;
    live.asked = this.#now;
    this.#recorder.asked(id, this.#now);
    this.#lives.set(id, live);
    const { queue, class: name } = this.options.routes[event.kind];
    const workload = {
      ...{ id, queue, user: event.user, project: null, instrument: null, class: name, offset: 0, evictions: 0 },
      ...{ flavors: [this.options.flavor], request: requestOf(event.request), environment: null },
      ...{ wallMs: event.kind === 'session' ? null : event.wallLimitMs, submittedAt: this.#now },
    };
    this.#events.push({ kind: 'submitted', workload });
  }

  #step(): void {
    const events = this.#events;
    this.#events = [];
    const step = fullCore.step(this.#state, events, this.#now);
    const { actions, lookAgainAt } = step;
    this.#recorder.stepped(this.#state, step, this.#now);
    for (const action of actions) this.#take(action);
    if (lookAgainAt !== null) this.#due.push({ at: lookAgainAt, id: '', what: 'look' });
    if (this.#events.length > 0) this.#due.push({ at: this.#now, id: '', what: 'look' });
  }

  #take(action: fullCore.CoreAction): void {
    if (action.kind === 'warm') return;
    const live = this.#lives.get(action.id);
    if (action.kind === 'evict') {
      const { at, how } = action;
      this.#leaving.set(action.id, { at, how, for: action.for });
      this.#due.push({ at, id: action.id, what: 'evict' });
    } else if (action.kind === 'spare') this.#leaving.delete(action.id);
    else if (action.kind === 'start' && live) {
      this.#waits[live.event.kind].push(this.#now - live.asked);
      live.running = true;
      if (live.event.kind === 'session') this.#runCell(live, live.cell === 0);
      else this.#later(live, 'job-end', Math.min(live.event.runMs, live.event.wallLimitMs));
    }
  }

  /** @param thinks  a new session begins with a pause */
  #runCell(live: Live, thinks = false): void {
    const { cells } = live.event as SessionEvent;
    const cell = cells[live.cell];
    if (!live.running) {
      // It was ended meanwhile: the cell asks for another kernel.
      this.#restarts += 1;
      live.id = `${live.event.id} again ${this.#restarts}`;
      this.#ask(live);
      return;
    }
    if (!cell) {
      this.#rest(live);
      return;
    }
    if (thinks) {
      live.idleSince = this.#now;
      this.#events.push({ kind: 'idle', id: live.id, since: this.#now });
      this.#later(live, 'cell', cell.thinkMs);
      return;
    }
    this.#idleUntilNow(live);
    live.idleSince = null;
    this.#events.push({ kind: 'busy', id: live.id });
    this.#busy += cell.busyMs * live.event.request.gpuMilli;
    this.#later(live, 'cell-end', cell.busyMs);
  }

  #rest(live: Live): void {
    const { cells, shutsDown } = live.event as SessionEvent;
    live.cell += 1;
    const next = cells[live.cell];
    if (!next && shutsDown) {
      this.#end(live);
      return;
    }
    live.idleSince = this.#now;
    this.#events.push({ kind: 'idle', id: live.id, since: this.#now });
    live.turn += 1;
    const { cullMs } = this.options;
    const { id, turn } = live;
    if (next) this.#due.push({ at: this.#now + next.thinkMs, id, what: 'cell', live, turn });
    // Whoever comes back before then averts it.
    if (cullMs !== null && !(next && next.thinkMs <= cullMs)) {
      const culled = { at: this.#now + cullMs, id, what: 'cull' as const, live, turn };
      this.#due.push(culled);
    }
  }

  #evict(id: string): void {
    const leaving = this.#leaving.get(id);
    const live = this.#lives.get(id);
    if (!leaving || leaving.at > this.#now || !live?.running || !this.#state.running.get(id)?.leaving) return;
    this.#leaving.delete(id);
    this.#recorder.evicted(leaving.how, leaving.for, this.#now);
    const workload = this.#state.running.get(id)?.workload;
    if (leaving.how === 'requeue' && workload) {
      this.#recorder.asked(id, this.#now);
      live.running = false;
      live.turn += 1;
      this.#events.push({ kind: 'released', id });
      this.#events.push({ kind: 'submitted', workload: { ...workload, evictions: workload.evictions + 1 } });
      return;
    }
    this.#end(live);
  }

  /** Its kernel ends; a session that has cells left comes back at the next one. */
  #end(live: Live): void {
    if (!live.running) return;
    this.#idleUntilNow(live);
    live.idleSince = null;
    live.running = false;
    this.#lives.delete(live.id);
    this.#events.push({ kind: 'released', id: live.id });
  }

  #idleUntilNow({ idleSince, event }: Live): void {
    if (idleSince !== null) this.#idle += (this.#now - idleSince) * event.request.gpuMilli;
  }

  #later(live: Live, what: Due['what'], ms: number): void {
    live.turn += 1;
    this.#due.push({ at: this.#now + ms, id: live.id, what, live, turn: live.turn });
  }
}

const requestOf = ({ gpuMilli, cpuMilli, memoryBytes }: DayRequest): ShapeRequest => ({
  ...{ cpuMilli, memoryBytes, gpuCount: Math.max(1, Math.ceil(gpuMilli / 1_000)), gpuMilli: Math.min(1_000, gpuMilli) },
});

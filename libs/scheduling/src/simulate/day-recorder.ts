import type { CoreAction, EvictedAs } from '../core/actions.js';
import type { CoreStep } from '../core/core.js';
import type { FullState } from '../core/state.js';
import { type Allocation, allocationsOf, CAUSES, type Cause } from './allocations.js';
import type { Level } from './level.js';
import { unfairness } from './unfairness.js';

/** A start as it came about. */
export interface DayStart {
  readonly id: string;
  readonly user: string;
  readonly queue: string;
  readonly class: string;
  /** Milliseconds. */
  readonly at: number;
  /** Since it was asked for, or was put back into its queue. */
  readonly waitMs: number;
  readonly flavor: string;
  readonly node: string;
  readonly devices: readonly number[];
}

/** One resource over the day, in its own unit. */
export interface DayLevels {
  readonly total: readonly Level[];
  readonly allocated: readonly Level[];
  readonly unallocated: Readonly<Record<Cause, readonly Level[]>>;
}

/** What came of a day. */
export interface DayOutcome {
  readonly from: number;
  readonly to: number;
  readonly starts: readonly DayStart[];
  /** Milliseconds, by priority class, in the order of the starts. */
  readonly waits: Readonly<Record<string, readonly number[]>>;
  readonly gpuMilli: DayLevels;
  readonly cpuMilli: DayLevels;
  /** How many wait, by queue. */
  readonly waiting: Readonly<Record<string, readonly Level[]>>;
  /** `useless`: for one that did not start after it. */
  readonly evictions: { readonly reclaimed: number; readonly requeued: number; readonly useless: number };
  readonly refused: number;
  readonly unstarted: number;
  /** Mean of `unfairness` over the time in which two queues waited; 0 where none did. */
  readonly fairnessError: number;
}

/** Watches a core through a day and keeps what is told of it. What is from before `from` is not counted. */
export class DayRecorder {
  readonly #asked = new Map<string, number>();
  /** For whom others were ended who has not started since, and how many. */
  readonly #madeRoomFor = new Map<string, number>();
  readonly #starts: DayStart[] = [];
  readonly #axes = [new Levels(), new Levels()] as const;
  readonly #waiting = new Map<string, Level[]>();
  #last: number | undefined;
  #unfair: number | undefined;
  #unfairSum = 0;
  #contendedMs = 0;
  #reclaimed = 0;
  #requeued = 0;
  #refused = 0;
  #unstarted = 0;

  constructor(private readonly from = 0) {}

  /** It waits from then on. */
  asked(id: string, at: number): void {
    this.#asked.set(id, at);
  }

  /** It was ended because the core said so. */
  evicted(how: EvictedAs, whom: string, at: number): void {
    if (at < this.from) return;
    if (how === 'requeue') this.#requeued += 1;
    else this.#reclaimed += 1;
    // A reservation has its room from then on, whether it is used or not.
    if (how !== 'reservation') this.#madeRoomFor.set(whom, (this.#madeRoomFor.get(whom) ?? 0) + 1);
  }

  /** After each step. */
  stepped(state: FullState, { actions, reasons }: CoreStep, at: number): void {
    for (const action of actions) this.#take(action, state, at);
    const [gpu, cpu] = allocationsOf(state, reasons);
    this.#axes[0].add(at, gpu);
    this.#axes[1].add(at, cpu);
    this.#wait(state, at);
    this.#weigh(at);
    this.#unfair = unfairness(state);
    this.#unstarted = state.waiting.size;
  }

  outcome(to: number): DayOutcome {
    this.#weigh(to);
    const [gpuMilli, cpuMilli] = this.#axes;
    const byClass = Map.groupBy(this.#starts, (start) => start.class);
    const waits = Object.fromEntries([...byClass].map(([name, own]) => [name, own.map(({ waitMs }) => waitMs)]));
    const useless = [...this.#madeRoomFor.values()].reduce((sum, count) => sum + count, 0);
    return {
      ...{ from: this.from, to, starts: this.#starts, waits, gpuMilli, cpuMilli, unstarted: this.#unstarted },
      evictions: { reclaimed: this.#reclaimed, requeued: this.#requeued, useless },
      waiting: Object.fromEntries(this.#waiting),
      refused: this.#refused,
      fairnessError: this.#contendedMs > 0 ? this.#unfairSum / this.#contendedMs : 0,
    };
  }

  #take(action: CoreAction, state: FullState, at: number): void {
    if (action.kind === 'refuse' && at >= this.from) this.#refused += 1;
    if (action.kind !== 'start') return;
    const { id, flavor, node, devices } = action;
    this.#madeRoomFor.delete(id);
    const workload = state.running.get(id)?.workload;
    if (!workload || at < this.from) return;
    const { user, queue, class: name, submittedAt } = workload;
    const waitMs = Math.max(0, at - (this.#asked.get(id) ?? submittedAt));
    this.#starts.push({ id, user, queue, class: name, at, waitMs, flavor, node, devices });
  }

  #wait({ waiting: { lines } }: FullState, at: number): void {
    for (const queue of lines.keys()) if (!this.#waiting.has(queue)) this.#waiting.set(queue, []);
    for (const [queue, levels] of this.#waiting) put(levels, at, lines.get(queue)?.size ?? 0);
  }

  #weigh(at: number): void {
    const ms = at - Math.max(this.from, this.#last ?? at);
    this.#last = at;
    if (this.#unfair === undefined || ms <= 0) return;
    this.#unfairSum += ms * this.#unfair;
    this.#contendedMs += ms;
  }
}

class Levels implements DayLevels {
  readonly total: Level[] = [];
  readonly allocated: Level[] = [];
  readonly unallocated = Object.fromEntries(CAUSES.map((cause) => [cause, []])) as unknown as Record<Cause, Level[]>;

  add(at: number, { total, allocated, by }: Allocation): void {
    put(this.total, at, total);
    put(this.allocated, at, allocated);
    for (const cause of CAUSES) put(this.unallocated[cause], at, by[cause]);
  }
}

/** Of one instant the last counts. */
function put(levels: Level[], at: number, amount: number): void {
  if (levels.at(-1)?.at === at) levels.pop();
  if (levels.at(-1)?.amount !== amount) levels.push({ at, amount });
}

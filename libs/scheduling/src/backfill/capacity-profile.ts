import { type Amounts, within } from './amounts.js';
import { SortedList } from './sorted-list.js';

/** The end of what has none. */
export const FOREVER = Number.MAX_SAFE_INTEGER;
/** A hold that outlasts its estimate is thought to end so much later, again and again. */
const OVERRUN_MS = 60_000;

/** What takes capacity over a time: a running workload, a reservation, a protected head, a node that is away. */
export interface Hold {
  readonly amounts: Amounts;
  /** Milliseconds, integers: from `from` until before `to`. */
  readonly from: number;
  readonly to: number;
  /** Ends by itself at `to`, as a reservation does; otherwise it is there until it is released, however late. */
  readonly lapses?: boolean;
}

interface Ending {
  readonly to: number;
  readonly id: string;
}

/**
 * What is free of one flavor from now on: a step function of time, one vector per step, kept minimal (neighbouring steps
 * differ). With n steps, each change and each query costs O(n) plain additions or comparisons at the most, and touches
 * only the steps that the time in question spans; running workloads with the same end share a step.
 *
 * Steps are below zero only where the holds themselves exceed the capacity (one that was lowered since, or one that
 * overruns into a reservation).
 */
export class CapacityProfile {
  /** Where each step begins; the first is now, the last has no end. */
  readonly #times: number[];
  readonly #free: number[][];
  readonly #holds = new Map<string, Hold>();
  readonly #endings = new SortedList<Ending>((a, b) => a.to - b.to || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  #capacity: Amounts;

  /** @param now  milliseconds, an integer */
  constructor(capacity: Amounts, now: number) {
    this.#capacity = [...capacity];
    this.#times = [now];
    this.#free = [[...capacity]];
  }

  get now(): number {
    return this.#times[0] as number;
  }

  get capacity(): Amounts {
    return this.#capacity;
  }

  get freeNow(): Amounts {
    return this.#free[0] as Amounts;
  }

  /**
   * What is past of it does not count; one that is past wholly and does not lapse overruns.
   *
   * @throws RangeError when `id` holds already, or the time is empty
   */
  hold(id: string, asked: Hold): void {
    if (this.#holds.has(id)) throw new RangeError(`${id} holds capacity already`);
    if (!(asked.from < asked.to)) throw new RangeError(`${id} would hold capacity from ${asked.from} to ${asked.to}`);
    const overruns = asked.to <= this.now && !asked.lapses;
    const hold = overruns ? { ...asked, to: this.now + OVERRUN_MS } : asked;
    this.#holds.set(id, hold);
    this.#endings.add({ to: hold.to, id });
    this.#change(hold, -1);
  }

  /** @returns what it held; undefined where it held nothing */
  release(id: string): Hold | undefined {
    const hold = this.#holds.get(id);
    if (hold === undefined) return undefined;
    this.#holds.delete(id);
    this.#endings.delete({ to: hold.to, id });
    this.#change(hold, 1);
    return hold;
  }

  held(id: string): Hold | undefined {
    return this.#holds.get(id);
  }

  /** Another end for a hold: its lease was renewed, its limit changed. Whether there is room is for the caller to ask. */
  extend(id: string, to: number): void {
    const hold = this.release(id);
    if (hold !== undefined) this.hold(id, { ...hold, from: Math.min(hold.from, to - 1), to });
  }

  /** Nodes came or went. */
  setCapacity(capacity: Amounts): void {
    for (const free of this.#free) {
      for (let axis = 0; axis < free.length; axis += 1) {
        free[axis] = (free[axis] as number) + (capacity[axis] as number) - (this.#capacity[axis] as number);
      }
    }
    this.#capacity = [...capacity];
  }

  /** Time passes: forgets the past. To be told after what ended until `now`, since who ends on time does not overrun. */
  advance(now: number): void {
    if (now <= this.now) return;
    const past = this.#stepAt(now);
    this.#times.splice(0, past);
    this.#free.splice(0, past);
    this.#times[0] = now;
    for (let due = this.#endings.first(); due !== undefined && due.to <= now; due = this.#endings.first()) {
      const hold = this.#holds.get(due.id) as Hold;
      this.release(due.id);
      if (!hold.lapses) this.hold(due.id, hold);
    }
  }

  /** Whether so much is free over all of [at, at + durationMs). */
  fits(amounts: Amounts, durationMs: number, at: number = this.now): boolean {
    const end = at + durationMs;
    for (let step = this.#stepAt(at); step < this.#times.length; step += 1) {
      if ((this.#times[step] as number) >= end) return true;
      if (!within(amounts, this.#free[step] as Amounts)) return false;
    }
    return true;
  }

  /** The first moment at or after `from` from which so much is free for so long; undefined: never. */
  earliestStart(amounts: Amounts, durationMs: number, from: number = this.now): number | undefined {
    let start = Math.max(from, this.now);
    for (let step = this.#stepAt(start); step < this.#times.length; step += 1) {
      if ((this.#times[step] as number) >= start + durationMs) return start;
      if (!within(amounts, this.#free[step] as Amounts)) start = this.#times[step + 1] ?? FOREVER;
    }
    return start < FOREVER ? start : undefined;
  }

  /** The first moment after `time`, which is not past, at which what is free changes; undefined: none. */
  changeAfter(time: number): number | undefined {
    return this.#times[this.#stepAt(time) + 1];
  }

  /** The steps, for a report or a comparison. */
  steps(): { from: number; free: Amounts }[] {
    return this.#times.map((from, step) => ({ from, free: [...(this.#free[step] as Amounts)] }));
  }

  /** One that changes apart from this one: a dry run's. */
  copy(): CapacityProfile {
    const copy = new CapacityProfile(this.#capacity, this.now);
    for (const [id, hold] of this.#holds) copy.hold(id, hold);
    return copy;
  }

  #change({ amounts, from, to }: Hold, sign: 1 | -1): void {
    if (to <= this.now) return;
    const first = this.#edge(Math.max(from, this.now));
    const end = this.#edge(to);
    for (let step = first; step < end; step += 1) {
      const free = this.#free[step] as number[];
      for (let axis = 0; axis < free.length; axis += 1) {
        free[axis] = (free[axis] as number) + sign * (amounts[axis] as number);
      }
    }
    this.#join(end);
    this.#join(first);
  }

  /** The last step that begins at or before `time`; the first one for a time past. */
  #stepAt(time: number): number {
    let [low, high] = [1, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] as number) <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The step that begins at `time`, made where there is none. */
  #edge(time: number): number {
    const step = this.#stepAt(time);
    if (this.#times[step] === time) return step;
    this.#times.splice(step + 1, 0, time);
    this.#free.splice(step + 1, 0, [...(this.#free[step] as number[])]);
    return step + 1;
  }

  /** Joins a step to the one before it where they are alike. */
  #join(step: number): void {
    const [before, own] = [this.#free[step - 1], this.#free[step]];
    if (before === undefined || own === undefined || own.some((free, axis) => free !== before[axis])) return;
    this.#times.splice(step, 1);
    this.#free.splice(step, 1);
  }
}

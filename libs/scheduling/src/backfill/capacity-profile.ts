import { type Amounts, within } from './amounts.js';
import { firstAfter } from './first-after.js';
import { SortedList } from './sorted-list.js';

/** The end of what has none. */
export const FOREVER = Number.MAX_SAFE_INTEGER;
/** A hold that outlasts its estimate is thought to end so much later, again and again. */
export const OVERRUN_MS = 60_000;

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
 * differ). Running workloads only ever give back, so it falls nowhere but where a head or a reservation begins: between
 * two falls a query is a binary search. With n steps and f falls to come, a query costs O(f log n), a change O(n) plain
 * additions over the steps that it spans.
 *
 * Steps are below zero only where the holds themselves exceed the capacity (one that was lowered since, or one that
 * overruns into a reservation).
 */
export class CapacityProfile {
  /** Where each step begins; the first is now, the last has no end. */
  readonly #times: number[];
  readonly #free: number[][];
  /** When holds begin that are to come, in order, repeats included. */
  readonly #falls: number[] = [];
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
    if (hold.from > this.now) this.#falls.splice(firstAfter(this.#falls, hold.from), 0, hold.from);
    this.#change(hold, -1);
  }

  /** @returns what it held; undefined where it held nothing */
  release(id: string): Hold | undefined {
    const hold = this.#holds.get(id);
    if (hold === undefined) return undefined;
    this.#holds.delete(id);
    this.#endings.delete({ to: hold.to, id });
    if (hold.from > this.now) this.#falls.splice(firstAfter(this.#falls, hold.from) - 1, 1);
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

  /**
   * How far, up to `to`, a hold could be extended: to where a head or a reservation takes what it holds, and never short
   * of its present end. A lease is not renewed past it.
   */
  roomUntil(id: string, to: number): number {
    const hold = this.#holds.get(id);
    if (hold === undefined || to <= hold.to) return hold?.to ?? this.now;
    if (!within(hold.amounts, this.#freeAt(hold.to))) return hold.to;
    return this.#shortAfter(hold.amounts, hold.to, to) ?? to;
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
    this.#falls.splice(0, firstAfter(this.#falls, now));
    for (let due = this.#endings.first(); due !== undefined && due.to <= now; due = this.#endings.first()) {
      const hold = this.#holds.get(due.id) as Hold;
      this.release(due.id);
      if (!hold.lapses) this.hold(due.id, hold);
    }
  }

  /** Whether so much is free over all of [at, at + durationMs). */
  fits(amounts: Amounts, durationMs: number, at: number = this.now): boolean {
    return within(amounts, this.#freeAt(at)) && this.#shortAfter(amounts, at, at + durationMs) === undefined;
  }

  /** The first moment at or after `from` from which so much is free for so long; undefined: never. */
  earliestStart(amounts: Amounts, durationMs: number, from: number = this.now): number | undefined {
    let start: number | undefined = Math.max(from, this.now);
    for (;;) {
      start = this.#firstWith(amounts, start);
      if (start === undefined || start >= FOREVER) return undefined;
      const short = this.#shortAfter(amounts, start, start + durationMs);
      if (short === undefined) return start;
      start = short;
    }
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

  /** The first fall in (at, end) at which too little is left. */
  #shortAfter(amounts: Amounts, at: number, end: number): number | undefined {
    for (let fall = firstAfter(this.#falls, at); fall < this.#falls.length; fall += 1) {
      const time = this.#falls[fall] as number;
      if (time >= end) return undefined;
      if (!within(amounts, this.#freeAt(time))) return time;
    }
    return undefined;
  }

  /** The first moment at or after `from` at which so much is free. */
  #firstWith(amounts: Amounts, from: number): number | undefined {
    let fall = firstAfter(this.#falls, from);
    let first = this.#stepAt(from);
    for (;;) {
      // Up to the next fall what is free only grows.
      const fallsAt = this.#falls[fall];
      const end = fallsAt === undefined ? this.#times.length : this.#stepAt(fallsAt - 1) + 1;
      let [low, high] = [first, end];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (within(amounts, this.#free[middle] as Amounts)) high = middle;
        else low = middle + 1;
      }
      if (low < end) return Math.max(from, this.#times[low] as number);
      if (fallsAt === undefined) return undefined;
      fall = firstAfter(this.#falls, fallsAt);
      first = this.#stepAt(fallsAt);
    }
  }

  #freeAt(time: number): Amounts {
    return this.#free[this.#stepAt(time)] as Amounts;
  }

  /** The last step that begins at or before `time`; the first one for a time past. */
  #stepAt(time: number): number {
    return Math.max(0, firstAfter(this.#times, time) - 1);
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

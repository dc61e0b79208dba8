import type { Amounts } from './amounts.js';
import { firstAfter } from './first-after.js';
import { FreeSteps } from './free-steps.js';
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
 * What is free of one flavor from now on: a step function of time. Running workloads only ever give back, so it falls
 * nowhere but where a head or a reservation begins: between two falls a query is a binary search. With n steps and f falls
 * to come, a query costs O(f log n), a change about the square root of n.
 *
 * Steps are below zero only where the holds themselves exceed the capacity (one that was lowered since, or one that
 * overruns into a reservation).
 */
export class CapacityProfile {
  readonly #steps: FreeSteps;
  /** When holds begin that are to come, in order, repeats included. */
  readonly #falls: number[] = [];
  readonly #holds = new Map<string, Hold>();
  readonly #endings = new SortedList<Ending>((a, b) => a.to - b.to || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  #capacity: Amounts;

  /** @param now  milliseconds, an integer */
  constructor(capacity: Amounts, now: number) {
    this.#capacity = [...capacity];
    this.#steps = new FreeSteps(capacity, now);
  }

  get now(): number {
    return this.#steps.begin;
  }

  get capacity(): Amounts {
    return this.#capacity;
  }

  get freeNow(): Amounts {
    return this.#steps.amountsAt(this.now);
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
    if (!this.#steps.isFreeAt(hold.to, hold.amounts)) return hold.to;
    return this.#shortAfter(hold.amounts, hold.to, to) ?? to;
  }

  /** Nodes came or went. */
  setCapacity(capacity: Amounts): void {
    this.#steps.addToAll(capacity.map((amount, axis) => amount - (this.#capacity[axis] as number)));
    this.#capacity = [...capacity];
  }

  /** Time passes: forgets the past. To be told after what ended until `now`, since who ends on time does not overrun. */
  advance(now: number): void {
    if (now <= this.now) return;
    this.#steps.advance(now);
    this.#falls.splice(0, firstAfter(this.#falls, now));
    for (let due = this.#endings.first(); due !== undefined && due.to <= now; due = this.#endings.first()) {
      const hold = this.#holds.get(due.id) as Hold;
      this.release(due.id);
      if (!hold.lapses) this.hold(due.id, hold);
    }
  }

  /** Whether so much is free over all of [at, at + durationMs). */
  fits(amounts: Amounts, durationMs: number, at: number = this.now): boolean {
    return this.#steps.isFreeAt(at, amounts) && this.#shortAfter(amounts, at, at + durationMs) === undefined;
  }

  /** How long so much is free from now on, milliseconds; 0: it is not; Infinity: as far as is known. */
  freeFor(amounts: Amounts): number {
    if (!this.#steps.isFreeAt(this.now, amounts)) return 0;
    return (this.#shortAfter(amounts, this.now, Infinity) ?? Infinity) - this.now;
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
    return this.#steps.changeAfter(time);
  }

  /** The steps, for a report or a comparison. */
  steps(): { from: number; free: Amounts }[] {
    return [...this.#steps.all()];
  }

  /** One that changes apart from this one: a dry run's. */
  copy(): CapacityProfile {
    const copy = new CapacityProfile(this.#capacity, this.now);
    for (const [id, hold] of this.#holds) copy.hold(id, hold);
    return copy;
  }

  #change({ amounts, from, to }: Hold, sign: 1 | -1): void {
    if (to <= this.now) return;
    this.#steps.add(amounts, sign, Math.max(from, this.now), to);
  }

  /** The first fall in (at, end) at which too little is left. */
  #shortAfter(amounts: Amounts, at: number, end: number): number | undefined {
    for (let fall = firstAfter(this.#falls, at); fall < this.#falls.length; fall += 1) {
      const time = this.#falls[fall] as number;
      if (time >= end) return undefined;
      if (!this.#steps.isFreeAt(time, amounts)) return time;
    }
    return undefined;
  }

  /** The first moment at or after `from` at which so much is free. */
  #firstWith(amounts: Amounts, from: number): number | undefined {
    let start = from;
    for (;;) {
      // Up to the next fall what is free only grows.
      const fallsAt = this.#falls[firstAfter(this.#falls, start)];
      const found = this.#steps.firstWith(amounts, start, fallsAt ?? Infinity);
      if (found !== undefined || fallsAt === undefined) return found;
      start = fallsAt;
    }
  }
}

import { type Amounts, within } from './amounts.js';
import { firstAfter } from './first-after.js';

/** A run of steps is split in two at this length: a change within one stays cheap, and the number of runs small. */
const LONGEST_RUN = 256;

/** Steps that follow one another. */
interface Run {
  /** Where each begins. */
  readonly times: number[];
  /** Of each step one amount per axis, in one row; to each of them `more` is to be added. */
  readonly free: number[];
  readonly more: number[];
}

/** A place among the steps. */
interface At {
  readonly run: number;
  readonly step: number;
}

/**
 * A step function of time, one vector per step, kept minimal: neighbouring steps differ. The steps lie in runs, and what
 * changes a whole run is added to it once: a change of n steps costs about the square root of n, a look-up log n.
 */
export class FreeSteps {
  readonly #runs: Run[];
  /** When each run begins. */
  readonly #starts: number[];
  readonly #axes: number;

  constructor(free: Amounts, now: number) {
    this.#axes = free.length;
    this.#runs = [{ times: [now], free: [...free], more: free.map(() => 0) }];
    this.#starts = [now];
  }

  /** The first step begins there; the last one has no end. */
  get begin(): number {
    return this.#starts[0] as number;
  }

  /** @param time  one that is past counts as now */
  amountsAt(time: number): number[] {
    return this.#amounts(this.#at(time));
  }

  isFreeAt(time: number, amounts: Amounts): boolean {
    return this.#isFree(this.#at(time), amounts);
  }

  /** When the first step after `time` begins; undefined: there is none. */
  changeAfter(time: number): number | undefined {
    const { run, step } = this.#at(time);
    return this.#runs[run]?.times[step + 1] ?? this.#starts[run + 1];
  }

  /** The first moment at or after `from` and before `end` with so much free, where what is free only grows between them. */
  firstWith(amounts: Amounts, from: number, end: number): number | undefined {
    const start = this.#at(from);
    let low = start.step;
    for (let run = start.run; run < this.#runs.length && (this.#starts[run] as number) < end; run += 1, low = 0) {
      const { times } = this.#runs[run] as Run;
      const isWhole = (this.#starts[run + 1] ?? Infinity) <= end;
      const last = isWhole ? times.length - 1 : firstAfter(times, end - 1) - 1;
      if (last < low || !this.#isFree({ run, step: last }, amounts)) continue;
      let high = last;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#isFree({ run, step: middle }, amounts)) high = middle;
        else low = middle + 1;
      }
      return Math.max(from, times[low] as number);
    }
    return undefined;
  }

  /** Adds so much from `from` until before `to`, neither of which is past. */
  add(amounts: Amounts, sign: 1 | -1, from: number, to: number): void {
    this.#cut(from);
    this.#cut(to);
    const [first, end] = [this.#at(from), this.#at(to)];
    for (let run = first.run; run <= end.run; run += 1) {
      const { times, free, more } = this.#runs[run] as Run;
      const low = run === first.run ? first.step : 0;
      const high = run === end.run ? end.step : times.length;
      if (low === 0 && high === times.length) addTo(more, amounts, sign, 0, 1);
      else addTo(free, amounts, sign, low, high);
    }
    this.#join(to);
    this.#join(from);
  }

  addToAll(amounts: Amounts): void {
    for (const { more } of this.#runs) addTo(more, amounts, 1, 0, 1);
  }

  /** Forgets what is before `now`. */
  advance(now: number): void {
    const { run, step } = this.#at(now);
    this.#runs.splice(0, run);
    this.#starts.splice(0, run);
    const { times, free } = this.#runs[0] as Run;
    times.splice(0, step);
    free.splice(0, step * this.#axes);
    times[0] = this.#starts[0] = now;
  }

  *all(): Generator<{ from: number; free: Amounts }> {
    for (const [run, { times }] of this.#runs.entries())
      for (const [step, from] of times.entries()) yield { from, free: this.#amounts({ run, step }) };
  }

  /** The last step that begins at or before `time`; the first one for a time past. */
  #at(time: number): At {
    const run = Math.max(0, firstAfter(this.#starts, time) - 1);
    return { run, step: Math.max(0, firstAfter((this.#runs[run] as Run).times, time) - 1) };
  }

  #amounts({ run, step }: At): number[] {
    const { free, more } = this.#runs[run] as Run;
    return more.map((amount, axis) => amount + (free[step * this.#axes + axis] as number));
  }

  #isFree({ run, step }: At, amounts: Amounts): boolean {
    const { free, more } = this.#runs[run] as Run;
    for (let axis = 0, at = step * this.#axes; axis < this.#axes; axis += 1, at += 1)
      if ((amounts[axis] as number) > (free[at] as number) + (more[axis] as number)) return false;
    return true;
  }

  /** Lets a step begin at `time`, where none does. */
  #cut(time: number): void {
    const { run: at, step } = this.#at(time);
    const run = this.#runs[at] as Run;
    if (run.times[step] === time) return;
    const place = (step + 1) * this.#axes;
    run.times.splice(step + 1, 0, time);
    run.free.splice(place, 0, ...run.free.slice(place - this.#axes, place));
    if (run.times.length > LONGEST_RUN) this.#split(at);
  }

  #split(at: number): void {
    const { times, free, more } = this.#runs[at] as Run;
    const half = times.length >> 1;
    const rest = { times: times.splice(half), free: free.splice(half * this.#axes), more: [...more] };
    this.#runs.splice(at + 1, 0, rest);
    this.#starts.splice(at + 1, 0, rest.times[0] as number);
  }

  /** Joins the step that begins at `time` to the one before it where they are alike. */
  #join(time: number): void {
    const own = this.#at(time);
    if (own.run === 0 && own.step === 0) return;
    const last = (this.#runs[own.run - 1]?.times.length ?? 0) - 1;
    const before = own.step > 0 ? { run: own.run, step: own.step - 1 } : { run: own.run - 1, step: last };
    const [was, is] = [this.#amounts(before), this.#amounts(own)];
    if (!within(was, is) || !within(is, was)) return;
    const { times, free } = this.#runs[own.run] as Run;
    times.splice(own.step, 1);
    free.splice(own.step * this.#axes, this.#axes);
    if (times.length === 0) {
      this.#runs.splice(own.run, 1);
      this.#starts.splice(own.run, 1);
    } else if (own.step === 0) this.#starts[own.run] = times[0] as number;
  }
}

/** To the steps from `low` until before `high` of a row. */
function addTo(row: number[], amounts: Amounts, sign: 1 | -1, low: number, high: number): void {
  const axes = amounts.length;
  for (let axis = 0; axis < axes; axis += 1) {
    const amount = sign * (amounts[axis] as number);
    if (amount === 0) continue;
    for (let at = low * axes + axis; at < high * axes; at += axes) row[at] = (row[at] as number) + amount;
  }
}

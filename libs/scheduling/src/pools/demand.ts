/** A whole arrival in the integers of the state. */
const ONE = 2 ** 20;
/** Decay goes in steps of this part of the half-life. */
const STEPS = 60;
const DECAY = Array.from({ length: STEPS }, (_, step) => Math.round(ONE * 2 ** (-step / STEPS)));
/** More arrivals are not counted: products with `DECAY` stay below 2^53. */
const MOST = 4_096 * ONE;
const { LN2 } = Math;

const HOUR = 3_600_000;
const HOURS_OF_WEEK = 168;
/** Of an hour's count, so much goes into the mean of its hour of the week: the last weeks count most. */
const WEEK_SHARE = 4;
/** After a longer silence the means are those of silence. */
const MOST_HOURS = 52 * HOURS_OF_WEEK;

/** All that a `Demand` knows, as integers; what it is restored from. */
export interface DemandSnapshot {
  readonly halfLifeMs: number;
  /** Arrivals, 2^-20 each, halved every half-life; as of `decayedAt`. */
  readonly recent: number;
  readonly decayedAt: number;
  /** Hours since the epoch: the one that is being counted. */
  readonly hour: number;
  readonly count: number;
  /** Whether `hour` is watched from its beginning; else it says nothing about such hours. */
  readonly whole: boolean;
  /** Arrivals per hour, 2^-20 each, from Thursday 00:00 UTC on; null: never seen. */
  readonly means: readonly (number | null)[];
}

/**
 * How often kernels of one kind are asked for: lately, and at this hour of the week, which knows the rush of Monday
 * morning before it comes. Integers all through, so that a replay gives the same pools. A time before the last one counts
 * as that.
 */
export class Demand {
  readonly #halfLifeMs: number;
  #recent: number;
  #decayedAt: number;
  #hour: number;
  #count: number;
  #whole: boolean;
  readonly #means: (number | null)[];

  private constructor(from: DemandSnapshot) {
    this.#halfLifeMs = from.halfLifeMs;
    this.#recent = from.recent;
    this.#decayedAt = from.decayedAt;
    this.#hour = from.hour;
    this.#count = from.count;
    this.#whole = from.whole;
    this.#means = [...from.means];
  }

  /** @param halfLifeMs  of the fast mean, a multiple of 60; 15 minutes by default */
  static since(now: number, halfLifeMs = 15 * 60_000): Demand {
    if (!(halfLifeMs > 0 && halfLifeMs % STEPS === 0)) throw new RangeError(`A half-life of ${halfLifeMs} ms`);
    const means = new Array<null>(HOURS_OF_WEEK).fill(null);
    const [hour, whole] = [Math.floor(now / HOUR), now % HOUR === 0];
    return new Demand({ halfLifeMs, recent: 0, decayedAt: now, hour, count: 0, whole, means });
  }

  static restore(snapshot: DemandSnapshot): Demand {
    return new Demand(snapshot);
  }

  snapshot(): DemandSnapshot {
    return {
      halfLifeMs: this.#halfLifeMs,
      recent: this.#recent,
      decayedAt: this.#decayedAt,
      hour: this.#hour,
      count: this.#count,
      whole: this.#whole,
      means: [...this.#means],
    };
  }

  arrived(now: number): void {
    this.#advance(now);
    this.#recent = Math.min(MOST, this.#recent + ONE);
    this.#count += 1;
  }

  /**
   * Arrivals to be expected within `spanMs`: by the fast mean or the mean of this hour of the week, whichever is more.
   * They are not added, since they tell of the same arrivals.
   */
  expected(now: number, spanMs: number): number {
    this.#advance(now);
    const lately = (this.#recent * LN2) / this.#halfLifeMs;
    const usually = (this.#means[this.#hour % HOURS_OF_WEEK] ?? 0) / HOUR;
    return (Math.max(lately, usually) * spanMs) / ONE;
  }

  #advance(now: number): void {
    const step = this.#halfLifeMs / STEPS;
    const steps = Math.max(0, Math.floor((now - this.#decayedAt) / step));
    this.#decayedAt += steps * step;
    const halvings = Math.floor(steps / STEPS);
    const decayed = Math.floor((this.#recent * (DECAY[steps % STEPS] as number)) / ONE);
    this.#recent = halvings < 40 ? Math.floor(decayed / 2 ** halvings) : 0;

    const hour = Math.floor(now / HOUR);
    for (let due = Math.min(hour - this.#hour, MOST_HOURS); due > 0; due -= 1) {
      if (this.#whole) this.#remember(this.#hour % HOURS_OF_WEEK, this.#count * ONE);
      this.#hour += 1;
      this.#count = 0;
      this.#whole = true;
    }
    this.#hour = Math.max(this.#hour, hour);
  }

  #remember(slot: number, count: number): void {
    const mean = this.#means[slot] ?? null;
    this.#means[slot] = mean === null ? count : mean + Math.trunc((count - mean) / WEEK_SHARE);
  }
}

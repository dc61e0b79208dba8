import type { Clock } from '#libs/domain';

/** A clock that stands until it is advanced. */
export class FakeClock implements Clock {
  #timers: { at: number; listener: () => void }[] = [];

  constructor(private time = 1_000_000) {}

  now(): number {
    return this.time;
  }

  after(ms: number, listener: () => void): () => void {
    const timer = { at: this.time + ms, listener };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** When the next timer is due; undefined: none waits. */
  get nextAt(): number | undefined {
    return this.#next(Number.POSITIVE_INFINITY)?.at;
  }

  /** Sets the wall clock; what is waited for comes when it would have come. */
  jump(ms: number): void {
    this.time += ms;
    for (const timer of this.#timers) timer.at += ms;
  }

  /** Lets time pass and calls what falls due, in the order of its time. */
  advance(ms: number): void {
    const until = this.time + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#timers = this.#timers.filter((other) => other !== next);
      this.time = next.at;
      next.listener();
    }
    this.time = until;
  }

  #next = (until: number): { at: number; listener: () => void } | undefined =>
    this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
}

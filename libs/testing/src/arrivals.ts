/** What arrives over time, for specs that wait for it instead of sleeping. */
export class Arrivals<T> {
  readonly all: T[] = [];
  readonly #waiting = new Set<{ wanted: (item: T) => boolean; tell: (item: T) => void }>();
  #taken = 0;

  push(item: T): void {
    this.all.push(item);
    for (const one of this.#waiting) {
      if (!one.wanted(item)) continue;
      this.#waiting.delete(one);
      one.tell(item);
    }
  }

  /** The first item, past or to come, that is wanted. */
  find(wanted: (item: T) => boolean): Promise<T> {
    const there = this.all.find(wanted);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((tell) => this.#waiting.add({ wanted, tell }));
  }

  /** Each item in turn. */
  next(): Promise<T> {
    const index = this.#taken;
    this.#taken += 1;
    return this.find((item) => this.all.indexOf(item) >= index);
  }
}

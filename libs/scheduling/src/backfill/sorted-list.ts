/** A chunk is split in two at this length: moves within one stay cheap, and the number of chunks small. */
const LONGEST_CHUNK = 1_024;

/**
 * Items kept in order, in chunks: adding to or deleting from 100,000 moves at most 1,024 of them. No two items may compare
 * as equal.
 */
export class SortedList<T> {
  #chunks: T[][] = [];
  readonly #compare: (a: T, b: T) => number;
  #size = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    this.#size += 1;
    // Beyond the last of all it goes to the end of the last chunk.
    const at = Math.min(this.#chunkOf(item), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      // Most lists stay short, and there are many: arrays that grow would hold room for 17.
      this.#chunks = [[item]];
      return;
    }
    chunk.splice(this.#placeIn(chunk, item), 0, item);
    if (chunk.length > LONGEST_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(LONGEST_CHUNK / 2));
  }

  /** @returns false where it was not there */
  delete(item: T): boolean {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    const place = this.#placeIn(chunk, item);
    if (this.#compare(chunk[place] as T, item) !== 0) return false;
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    this.#size -= 1;
    return true;
  }

  first(): T | undefined {
    return this.#chunks[0]?.[0];
  }

  /** The first that comes after `item`, whether or not that is in the list (any more). */
  after(item: T): T | undefined {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return undefined;
    const place = this.#placeIn(chunk, item);
    if (this.#compare(chunk[place] as T, item) !== 0) return chunk[place];
    return chunk[place + 1] ?? this.#chunks[at + 1]?.[0];
  }

  *[Symbol.iterator](): Generator<T> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The first chunk that ends at or after the item. */
  #chunkOf(item: T): number {
    let [low, high] = [0, this.#chunks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#chunks[middle]?.at(-1) as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #placeIn(chunk: readonly T[], item: T): number {
    let [low, high] = [0, chunk.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(chunk[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

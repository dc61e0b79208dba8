/** Where an item lies in its heap; -1: in none. Kept by the heap. */
export interface Placed {
  at: number;
}

/**
 * A binary heap whose items know their places, so that one whose key has changed finds its new place by log n comparisons.
 * An item's key may change only while it alone is out of place: it is to be put again before another one is.
 */
export class PlacedHeap<T extends Placed> {
  #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  get size(): number {
    return this.#items.length;
  }

  /** Adds it, or finds its place anew. */
  put(item: T): void {
    if (item.at >= 0) this.#sink(this.#rise(item.at, item), item);
    else if (this.#items.length === 0) this.fill([item]);
    else this.#rise(this.#items.push(item) - 1, item);
  }

  drop(item: T): void {
    const place = item.at;
    if (place < 0) return;
    item.at = -1;
    const last = this.#items.pop() as T;
    if (last !== item) this.#sink(this.#rise(place, last), last);
  }

  /** Holds these and no others. @param items  the heap's own from now on */
  fill(items: T[]): void {
    for (const item of this.#items) item.at = -1;
    this.#items = items;
    for (const [place, item] of items.entries()) item.at = place;
    for (let place = (items.length >> 1) - 1; place >= 0; place -= 1) this.#sink(place, items[place] as T);
  }

  #rise(from: number, item: T): number {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (this.#compare(item, this.#items[above] as T) >= 0) break;
      this.#set(place, this.#items[above] as T);
      place = above;
    }
    this.#set(place, item);
    return place;
  }

  #sink(from: number, item: T): void {
    const items = this.#items;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#compare(items[below + 1] as T, items[below] as T) < 0) below += 1;
      if (this.#compare(items[below] as T, item) >= 0) break;
      this.#set(place, items[below] as T);
      place = below;
    }
    this.#set(place, item);
  }

  #set(place: number, item: T): void {
    this.#items[place] = item;
    item.at = place;
  }
}

/** What is due first, first. What was taken back is told so when it comes up: the caller looks whether it still holds. */
export class Heap<T extends { readonly at: number; readonly id: string }> {
  readonly #items: T[] = [];

  /** As they lie: no order but that the first is first. To be read only. */
  get items(): readonly T[] {
    return this.#items;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let place = items.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!isBefore(item, items[above] as T)) break;
      items[place] = items[above] as T;
      place = above;
    }
    items[place] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const [first, last] = [items[0], items.pop()];
    if (items.length === 0 || last === undefined) return first;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && isBefore(items[below + 1] as T, items[below] as T)) below += 1;
      if (!isBefore(items[below] as T, last)) break;
      items[place] = items[below] as T;
      place = below;
    }
    items[place] = last;
    return first;
  }
}

const isBefore = (a: { at: number; id: string }, b: { at: number; id: string }): boolean =>
  a.at < b.at || (a.at === b.at && a.id < b.id);

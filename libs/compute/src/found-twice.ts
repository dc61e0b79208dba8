/** Tells what is found twice in succession: what is found once may be in the making. */
export class FoundTwice {
  #before: ReadonlySet<string> = new Set();

  /** @returns those of `found` that were found the last time, too */
  again<T>(found: readonly T[], key: (one: T) => string): T[] {
    const before = this.#before;
    this.#before = new Set(found.map(key));
    return found.filter((one) => before.has(key(one)));
  }
}

/** Work of many lanes: within one in order, one piece at a time; so many lanes at once. */
export class FactLanes<T> {
  /** In each lane the first is under way, or next. */
  readonly #waiting = new Map<string, T[]>();
  /** Lanes that wait for their turn. */
  readonly #due: string[] = [];
  #atWork = 0;

  /**
   * @param work    hands over one; true: the lane goes on with the next, false: with the same again
   * @param atOnce  lanes at work at a time
   */
  constructor(
    private readonly work: (piece: T) => Promise<boolean>,
    private readonly atOnce: number,
  ) {}

  /**
   * @param join  what a piece that waits, and is not under way, becomes with the new one; undefined: both stay
   */
  add(lane: string, piece: T, join: (earlier: T, later: T) => T | undefined): void {
    const waiting = this.#waiting.get(lane);
    if (waiting === undefined) {
      this.#waiting.set(lane, [piece]);
      this.#due.push(lane);
      this.#next();
      return;
    }
    for (let at = 1; at < waiting.length; at += 1) {
      const joined = join(waiting[at] as T, piece);
      if (joined === undefined) continue;
      waiting.splice(at, 1);
      waiting.push(joined);
      return;
    }
    waiting.push(piece);
  }

  #next(): void {
    while (this.#atWork < this.atOnce) {
      const lane = this.#due.shift();
      if (lane === undefined) return;
      this.#atWork += 1;
      void this.#turn(lane).then(() => {
        this.#atWork -= 1;
        this.#next();
      });
    }
  }

  async #turn(lane: string): Promise<void> {
    const waiting = this.#waiting.get(lane) ?? [];
    if (await this.work(waiting[0] as T)) waiting.shift();
    if (waiting.length > 0) this.#due.push(lane);
    else this.#waiting.delete(lane);
  }
}

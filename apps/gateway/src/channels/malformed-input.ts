const TELL_EVERY_MS = 1000;

/** What is done about messages that are none: told and logged once a second at most, and too many in a row end it. */
export class MalformedInput {
  #inRow = 0;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly mostInRow: number) {}

  good(): void {
    this.#inRow = 0;
  }

  /** Whether it was one too many, and how many to tell of now, this one included; 0: be quiet. */
  bad(now = performance.now()): { tooMany: boolean; tell: number } {
    this.#inRow += 1;
    this.#untold += 1;
    const tooMany = this.#inRow >= this.mostInRow;
    if (!tooMany && now - this.#toldAt < TELL_EVERY_MS) return { tooMany, tell: 0 };
    this.#toldAt = now;
    const tell = this.#untold;
    this.#untold = 0;
    return { tooMany, tell };
  }
}

/** Randomness that a failing run can repeat: BEAMGATE_TEST_SEED sets what was printed. */
export class Seeded {
  readonly seed: number;
  private state: number;

  constructor(seed = Number(process.env['BEAMGATE_TEST_SEED'] ?? Date.now() % 2 ** 31)) {
    this.seed = seed;
    this.state = seed;
  }

  /** From 0 to below 1; the generator is mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }
}

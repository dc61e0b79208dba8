/** Where time comes from, so that specs can make it pass. */
export interface Clock {
  /** Milliseconds since the epoch, an integer. */
  now(): number;
  /** Calls `listener` once, `ms` milliseconds from now, unless the answer is called before. */
  after(ms: number, listener: () => void): () => void;
}

export const CLOCK = Symbol('Clock');

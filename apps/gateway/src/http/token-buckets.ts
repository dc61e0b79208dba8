const MAX_KEYS = 10_000;

/** A bucket of tokens per key: `burst` at first, filled again by `perSecond`. */
export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    readonly perSecond: number,
    private readonly burst: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes one token. Returns 0, or the whole seconds until there is one. */
  take(key: string): number {
    const at = this.now();
    const known = this.#buckets.get(key) ?? { tokens: this.burst, at };
    const tokens = Math.min(this.burst, known.tokens + ((at - known.at) / 1000) * this.perSecond);
    const left = tokens >= 1 ? tokens - 1 : tokens;
    // The one used last comes last, so that the first to go is the one most likely full.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: left, at });
    if (this.#buckets.size > MAX_KEYS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / this.perSecond);
  }
}

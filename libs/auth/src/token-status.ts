import { type TokenRow, Unauthenticated } from '#libs/contracts';

/** Where recorded tokens are read. */
export interface TokenLookup {
  find(id: string): Promise<TokenRow | undefined>;
}

/** A missed event must not keep a revoked token alive: rows are read again after this. */
const FRESH_MS = 10_000;
const MAX_ENTRIES = 10_000;

/** Which recorded tokens are good, remembered a while so that polling clients cost no reads. */
export class TokenStatus {
  readonly #known = new Map<string, { row: TokenRow; readAt: number }>();
  readonly #revoked = new Set<string>();

  constructor(
    private readonly tokens: TokenLookup,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws Unauthenticated where the token is revoked or was never recorded */
  async check(id: string): Promise<TokenRow> {
    const row = await this.#row(id);
    if (row === undefined) throw new Unauthenticated('The token is not one that this service recorded.');
    if (row.revokedAt !== null) throw new Unauthenticated('The token was revoked.');
    if (this.#revoked.has(id)) throw new Unauthenticated('The token was revoked.');
    return row;
  }

  /** Told by the gatekeeper's event. Kept apart from the rows: a read under way may still bring the old one. */
  tokenRevoked(id: string): void {
    this.#revoked.add(id);
    this.#known.delete(id);
  }

  async #row(id: string): Promise<TokenRow | undefined> {
    const kept = this.#known.get(id);
    if (kept && this.now() - kept.readAt < FRESH_MS) return kept.row;
    const row = await this.tokens.find(id);
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    if (row) this.#known.set(id, { row, readAt: this.now() });
    return row;
  }
}

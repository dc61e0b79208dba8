import type { Ask } from './line.js';

/** What one backfill knows from rank to rank. */
export interface Given {
  /** Asks of which none has room. */
  readonly closed: Set<Ask>;
  /** Who was refused and may make others go. */
  readonly refused: Set<string>;
  /** Whether anybody may be made to go at all. */
  readonly mayEvict: boolean;
}

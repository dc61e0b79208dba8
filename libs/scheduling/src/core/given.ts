import type { Ask, Kind } from './line.js';

/** What one backfill knows from rank to rank. */
export interface Given {
  /** Asks of which none has room. */
  readonly closed: Set<Ask>;
  /** Kinds for which there is no room: backfill only takes, so there is none until it is over. */
  readonly full: Set<Kind>;
  /** Who was refused and may make others go. */
  readonly refused: Set<string>;
  /** Whether anybody may be made to go at all. */
  readonly mayEvict: boolean;
}

import type { Amounts } from './amounts.js';

/** One that waits, as backfill sees it. Never changes: one whose rank was raised is removed and added anew. */
export interface Candidate {
  readonly id: string;
  /**
   * Those of one shape have the same amounts, rank and `maxWaitMs`, and are alike in all that the core asks before a
   * start (queue, user, constraints).
   */
  readonly shape: string;
  readonly amounts: Amounts;
  /** Holds its amounts at most so long: its wall limit, else its class's lease. An integer > 0. */
  readonly durationMs: number;
  /** Effective; higher goes first. */
  readonly rank: number;
  /** Milliseconds since the epoch, an integer. */
  readonly submittedAt: number;
  /** Once it has waited so long, shorter ones of its rank go before it no more. */
  readonly maxWaitMs: number;
}

import type { Amounts } from '../backfill/amounts.js';

/** When a head starts at the latest, if those that run end by their estimates and nobody enters the order before it. */
export interface Promised {
  readonly id: string;
  readonly amounts: Amounts;
  readonly durationMs: number;
  /** Milliseconds: the edge of the profile from which it fits. */
  readonly at: number;
  /** False: it is young yet, shorter ones of its rank may go before it; no promise, but what the profile says today. */
  readonly firm: boolean;
}

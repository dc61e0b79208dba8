import type { Amounts } from '../backfill/amounts.js';
import type { Placement } from '../placement/placement.js';
import type { Running } from './running.js';

/** Capacity that becomes free for one workload and is kept for it. Plain data: survives JSON. */
export interface Nomination {
  readonly workload: { readonly id: string; readonly queue: string };
  readonly flavor: string;
  /** Where it will lie. */
  readonly placement: Placement;
  /** Who is still to leave. */
  victims: string[];
  /** Those that have left: still booked, so that nobody else takes what they had. */
  ghosts: Running[];
  /** Of the place what was free when it was nominated, booked for it. */
  readonly held: Placement[];
  /** What it asks for beyond what the victims have: booked in the ledger. */
  readonly more: Amounts;
  /** Given up then. */
  readonly until: number;
}

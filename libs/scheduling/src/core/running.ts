import type { Amounts } from '../backfill/amounts.js';
import type { Placement } from '../placement/placement.js';
import type { EvictedAs } from './actions.js';
import type { CoreWorkload } from './model.js';

/** A workload that has its place. Plain data: survives JSON. */
export interface Running {
  readonly workload: CoreWorkload;
  readonly flavor: string;
  readonly placement: Placement;
  readonly amounts: Amounts;
  readonly startedAt: number;
  /** When it is thought to end. */
  until: number;
  /** The reservation of whose capacity it counts; null: none. */
  reservation: string | null;
  /** Of a reservation that is not its own: it goes when the owner comes. */
  lent: boolean;
  /** The reservation at whose start it has to go, for want of room beside it. */
  clippedBy: string | null;
  /** Null: busy, or nobody has said. */
  idleSince: number | null;
  /** Was kept by its user since it was busy last. */
  kept: boolean;
  /** Was told to go. */
  leaving: Leaving | null;
}

export interface Leaving {
  how: EvictedAs;
  /** A workload's id, or a reservation's. */
  for: string;
  at: number;
}

import type { Amounts } from '../backfill/amounts.js';
import type { Placement } from '../placement/placement.js';
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
  readonly reservation: string | null;
}

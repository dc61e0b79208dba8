import type { Axis, Capped } from './model.js';

/** What the core tells the outside to do, in this order. */
export type CoreAction =
  | Start
  /** Was not taken into the line. */
  | { kind: 'refuse'; id: string; because: Refusal }
  /** Ran on a node that has gone. */
  | { kind: 'lost'; id: string }
  /** To be warned now and ended at `at`, unless it is spared before. `for`: a workload's id or a reservation's. */
  | { kind: 'evict'; id: string; how: EvictedAs; for: string; at: number }
  /** Is to be ended no more. */
  | { kind: 'spare'; id: string }
  /** So many spares of a pool are to stand on that node from now on, in what is left there: whoever starts goes first. */
  | { kind: 'warm'; environment: string; flavor: string; node: string; count: number };

export interface Start {
  kind: 'start';
  id: string;
  flavor: string;
  node: string;
  devices: readonly number[];
  migStart?: number;
  /** A spare of its environment stands there, and is its own now. */
  warm?: true;
}

/** `requeue`: comes back into its queue. `reservation`: its place was somebody else's from then on. */
export type EvictedAs = 'reclaim' | 'requeue' | 'reservation';
export type Refusal = 'no-queue' | 'no-class' | 'draining' | 'no-shape';

/** Why one waits: the first that holds. */
export type WaitReason =
  /** Its queue or class is configured no more. */
  | { code: 'Deactivated' }
  | { code: 'QueueHeld' }
  /** Its queue, or the largest node, could not take it if all were empty. */
  | { code: 'NeverFits'; limit: 'quota' | 'node' }
  /** None of its flavors has a node. */
  | { code: 'NoFlavor' }
  | { code: 'UserCap'; of: Capped; name: string; axis: 'workloads' | Axis; asked: number; limit: number }
  | { code: 'QuotaWait'; queue: string; flavor: string; axis: Axis; missing: number }
  /** There is room, but a reservation takes it before this one would end. */
  | { code: 'ReservedFor'; flavor: string; reservation: string; until: number }
  /** There is room, but `head` was promised it; null: those before it in the line take what there is. */
  | { code: 'BehindHead'; flavor: string; head: string | null; shadow: number | null }
  /** Free in sum, on no node. */
  | { code: 'Fragmented'; flavor: string }
  /** Is first in its line and lacks capacity. */
  | { code: 'Capacity'; flavor: string; axis: Axis | 'places'; missing: number; shadow: number | null }
  /** Those leave for it. */
  | { code: 'Evicting'; victims: readonly string[]; at: number }
  | { code: 'NotYetLooked' };

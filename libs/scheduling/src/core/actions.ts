import type { Axis } from './model.js';

/** What the core tells the outside to do, in this order. */
export type CoreAction =
  | { kind: 'start'; id: string; node: string; devices: readonly number[]; flavor: string }
  /** Was not taken into the line. */
  | { kind: 'refuse'; id: string; because: Refusal }
  /** Ran on a node that has gone. */
  | { kind: 'lost'; id: string };

export type Refusal = 'no-queue' | 'no-class' | 'draining' | 'no-shape';

/** Why the first of a line waits: the first that holds. */
export type WaitReason =
  /** Its queue or class is configured no more. */
  | { kind: 'deactivated' }
  | { kind: 'queue-held' }
  /** Its queue could not take it if it were empty. */
  | { kind: 'never-fits' }
  /** None of its flavors has a node. */
  | { kind: 'no-flavor' }
  | { kind: 'user-cap'; of: 'user' | 'project' }
  | { kind: 'quota-wait'; flavor: string; axis: Axis; missing: number }
  /** There is room now, but it is kept for a head or a reservation. */
  | { kind: 'behind-head'; flavor: string; earliest: number | null }
  /** Free in sum, on no node. */
  | { kind: 'fragmented'; flavor: string }
  | { kind: 'capacity-wait'; flavor: string; earliest: number | null };

export interface LineReason {
  /** The first of the line. */
  id: string;
  /** How many wait behind it, alike in all that is asked. */
  behind: number;
  reason: WaitReason;
}

import type { KernelId, Resources, WaitExplanation } from '#libs/contracts';
import type { CoreState, Limits } from './core-state.js';
import type { Ground } from './expected-start.js';

/** A decision of the core, for the gatekeeper to carry out. */
export type Action =
  | { kind: 'admit'; id: KernelId }
  /** It is idle and one that waits needs its place: to be warned, and ended unless it is used. */
  | { kind: 'want'; id: KernelId }
  /** It is wanted no more. */
  | { kind: 'spare'; id: KernelId };

/** Why one that was looked at still waits. Those behind the first that lacks capacity were not looked at. */
export interface Reason {
  id: KernelId;
  reason: 'capacity' | 'user-cap';
}

/** A limit that a request is beyond, for ever. */
export interface Excess {
  resource: keyof Resources;
  requested: number;
  limit: number;
}

export interface Decision {
  /** To be carried out in this order. */
  actions: Action[];
  reasons: Reason[];
  /** When time alone would make it decide otherwise, ms since the epoch; null: never. */
  lookAgainAt: number | null;
}

/**
 * Who starts when: the part of the core that the full scheduler replaces. Pure: no clock, no chance, integers only, and
 * the same state gives the same answer.
 */
export interface Policy {
  /** Decides one cycle, books what it admits and marks what it wants. */
  cycle(state: CoreState, now: number): Decision;
  /** Why `id` waits, for people; null when it does not. Changes nothing. */
  explain(state: CoreState, id: KernelId, ground: Ground, now: number): WaitExplanation | null;
  /** What makes a request hopeless; undefined where waiting helps. */
  neverFits(requests: Resources, limits: Limits): Excess | undefined;
  /** How many workloads like this would start at once if they came now. */
  startableNow(state: CoreState, requests: Resources): number;
}

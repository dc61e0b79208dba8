/** A job of the textbook model: so many processors for its whole life, one resource, no classes. */
export interface RigidJob {
  readonly size: number;
  /** It is killed at its estimate, ms. */
  readonly estimateMs: number;
}

/**
 * One cycle of the textbook policies, which are here to compare with: at an instant all ends, then all arrivals, then one
 * cycle.
 */
export interface RigidCycle<J extends RigidJob = RigidJob> {
  readonly now: number;
  /** Free processors. */
  readonly free: number;
  /** In submit order. */
  readonly queue: Iterable<J>;
  /** Earliest estimated end first, then smallest, then first come. */
  readonly running: Iterable<{ readonly job: J; readonly estimatedEnd: number }>;
}

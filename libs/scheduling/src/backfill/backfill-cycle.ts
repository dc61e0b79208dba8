import type { Candidate } from './candidate.js';
import type { CandidateIndex } from './candidate-index.js';
import type { CapacityProfile } from './capacity-profile.js';

/*
 * How the core uses backfill. Per flavor it keeps two structures and changes them with each event, never rebuilding them:
 *
 *   profile: CapacityProfile   what is free from now on. `hold` at a start (until its wall limit, else its class's lease)
 *                              and for each reservation (`lapses`), `release` at an end, `extend` as far as `roomUntil`
 *                              says when a lease is renewed, `advance` once per cycle after the cycle's events.
 *   index: CandidateIndex      all that wait for this flavor, by shape. `add` at submit, `remove` when it leaves the
 *                              queue, both again when its rank is raised.
 *
 * and in each cycle calls planBackfill once per flavor in which something changed. Cost: the workloads that start, `depth`
 * heads, and one look per shape that fits what is free; not the number of those that wait.
 *
 * The owner of a running reservation: shrink the reservation's hold by what starts in it (release, hold what is left), and
 * hold the workload instead. One that may run on several flavors waits in the index of each, and leaves the others' when
 * it starts.
 */

/** One flavor's cycle. */
export interface BackfillCycle {
  /** Milliseconds, an integer; the profile was advanced to it. */
  readonly now: number;
  /** What starts is held in it afterwards; heads are not. */
  readonly profile: CapacityProfile;
  /**
   * Those that wait and are allowed to run, first first: the order of the core. Read lazily, until the heads are known;
   * it may change its mind between two reads, after what has started meanwhile.
   */
  readonly order: Iterable<Candidate>;
  /** The same ones, by shape; what starts is removed from it. */
  readonly index: CandidateIndex;
  /**
   * The shapes that came since the last cycle, where nothing was freed since and no reservation lapsed: behind the heads
   * only they are tried, if the heads are as before, since whoever failed then fails now. Absent: all are.
   */
  readonly shapes?: ReadonlySet<string>;
  /** What the last cycle promised: heads keep their times unless one goes before them that is new. Absent: nothing. */
  readonly promised?: readonly Promised[];
  /**
   * Starts it if it is still allowed to (quota, cap) and a node has room: the core books it. Called only where the
   * profile has room. `no-node`: it fits in sum, on no node. `not-allowed`: nor is any other of its shape.
   */
  start(candidate: Candidate): Answer;
}
export type Answer = 'started' | 'no-node' | 'not-allowed';

export interface BackfillOptions {
  /** Heads that are protected, 1 to 50. More: shorter longest waits, longer mean ones. */
  readonly depth: number;
  /** So many overdue ones of a shape are tried by age in one cycle, then the shortest: bounds the cost of a deep queue. */
  readonly overduePerShape: number;
}

export const BACKFILL_DEFAULTS: BackfillOptions = { depth: 1, overduePerShape: 100 };

/** When a head starts at the latest, if those that run end by their estimates and nobody enters the order before it. */
export interface Promised {
  readonly id: string;
  /** Milliseconds: the edge of the profile from which it fits. */
  readonly at: number;
  /** False: it is young yet, shorter ones of its rank may go before it; no promise, but what the profile says today. */
  readonly firm: boolean;
  /** It would fit now in sum, but on no node: `at` is when it fits after the next change. Never firm. */
  readonly fragmented: boolean;
}

export interface BackfillPlan {
  /** In the order in which they were started. */
  readonly started: readonly Candidate[];
  readonly promised: readonly Promised[];
}

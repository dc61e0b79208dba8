import type { Candidate } from './candidate.js';
import type { CandidateIndex } from './candidate-index.js';
import { type CapacityProfile, FOREVER } from './capacity-profile.js';
import { fill } from './fill.js';

/*
 * How the core uses backfill. Per flavor it keeps two structures and changes them with each event, never rebuilding them:
 *
 *   profile: CapacityProfile   what is free from now on. `hold` at a start (until its wall limit, else its class's lease) and
 *                              for each reservation, `release` at an end, `extend` when a lease is renewed, `advance`
 *                              once per cycle after the cycle's events.
 *   index: CandidateIndex      all that wait for this flavor, by shape. `add` at submit, `remove` when it leaves the
 *                              queue, both again when its rank is raised.
 *
 * and in each cycle calls planBackfill once per flavor in which something changed. Cost: the workloads that start, `depth`
 * heads, and one look per shape that fits what is free; not the number of those that wait.
 */

/** One flavor's cycle. */
export interface BackfillCycle {
  /** Milliseconds, an integer; the profile was advanced to it. */
  readonly now: number;
  /** What starts is held in it afterwards; heads are not. */
  readonly profile: CapacityProfile;
  /**
   * Those that wait, first first: the order of the core. Read lazily, until `depth` heads are protected; may change its
   * mind between two reads, after what has started meanwhile.
   */
  readonly order: Iterable<Candidate>;
  /** The same ones, by shape; what starts is removed from it. */
  readonly index: CandidateIndex;
  /**
   * Starts it, if it is still allowed to (quota, cap) and a node has room: the core books it. Called only where the
   * profile holds it. `no-node`: it fits in sum, on no node. `not-allowed`: no other of its shape is either.
   */
  start(candidate: Candidate): 'started' | 'no-node' | 'not-allowed';
}

export interface BackfillOptions {
  /** Protected heads, 1 to 50. */
  readonly depth: number;
}

/** When a head starts at the latest if those that run end by their estimates and nobody goes before it in the order. */
export interface Promised {
  readonly id: string;
  /** Milliseconds: the edge of the profile from which it fits. */
  readonly at: number;
  /** It would fit now in sum, but on no node: `at` is the next moment at which something ends. */
  readonly fragmented: boolean;
}

export interface BackfillPlan {
  /** In the order in which they were started. */
  readonly started: readonly Candidate[];
  readonly promised: readonly Promised[];
}

/** Ids of the profile that no workload has. */
const headHold = (id: string): string => `head ${id}`;

/**
 * Starts what may start now: the first ones of the order while they fit, then whatever moves neither a protected head nor
 * a reservation, by `fill`.
 */
export function planBackfill(cycle: BackfillCycle, options: BackfillOptions): BackfillPlan {
  const started: Candidate[] = [];
  const promised: Promised[] = [];
  const closed = new Set<string>();
  const start = (candidate: Candidate): 'started' | 'no-node' | 'not-allowed' => {
    const { id, amounts, durationMs } = candidate;
    const answer = cycle.start(candidate);
    if (answer === 'started') {
      cycle.profile.hold(id, { amounts, from: cycle.now, to: cycle.now + durationMs });
      cycle.index.remove(id);
      started.push(candidate);
    } else closed.add(candidate.shape);
    return answer;
  };
  try {
    protectHeads(cycle, options.depth, start, promised);
    fill(cycle, closed, start);
  } finally {
    for (const { id } of promised) cycle.profile.release(headHold(id));
  }
  return { started, promised };
}

type Start = BackfillCycle['start'];

function protectHeads({ now, profile, order }: BackfillCycle, depth: number, start: Start, promised: Promised[]): void {
  for (const candidate of order) {
    const { id, amounts, durationMs } = candidate;
    let at = profile.earliestStart(amounts, durationMs);
    let fragmented = false;
    if (at === now) {
      const answer = start(candidate);
      if (answer !== 'no-node') continue;
      fragmented = true;
      at = profile.earliestStart(amounts, durationMs, profile.changeAfter(now) ?? FOREVER);
    }
    // One that can't ever start as things are protects nothing: capacity must come back first.
    if (at === undefined) continue;
    promised.push({ id, at, fragmented });
    profile.hold(headHold(id), { amounts, from: at, to: at + durationMs, lapses: true });
    if (promised.length >= depth) return;
  }
}

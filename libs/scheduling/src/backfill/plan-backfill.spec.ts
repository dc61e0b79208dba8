import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BACKFILL_DEFAULTS, type BackfillPlan, type Promised } from './backfill-cycle.js';
import type { Candidate } from './candidate.js';
import { byAge, CandidateIndex } from './candidate-index.js';
import { CapacityProfile, type Hold } from './capacity-profile.js';
import { planBackfill } from './plan-backfill.js';

const CAPACITY = [8, 20];
const HOUR = 3_600_000;

function candidate(id: string, changes: Partial<Candidate> = {}): Candidate {
  const plain = { id, shape: '', amounts: [1, 1], durationMs: HOUR, rank: 0, submittedAt: 0, maxWaitMs: 0, ...changes };
  return { ...plain, shape: changes.shape ?? plain.amounts.join() };
}

/** A flavor with those that run and wait; the order is by rank, then first come. */
class Stage {
  readonly index = new CandidateIndex();
  readonly profile: CapacityProfile;
  promised: readonly Promised[] = [];
  now = 0;
  answer: (candidate: Candidate) => 'started' | 'no-node' | 'not-allowed' = () => 'started';

  constructor(capacity: readonly number[] = CAPACITY) {
    this.profile = new CapacityProfile(capacity, 0);
  }
  waits(...candidates: Candidate[]): this {
    for (const one of candidates) this.index.add(one);
    return this;
  }
  holds(id: string, amounts: number[], from: number, to: number): this {
    this.profile.hold(id, { amounts, from, to });
    return this;
  }
  get waiting(): Candidate[] {
    const all = [...this.index.lines()].flatMap(({ byAge: line }) => [...line]);
    return all.sort((a, b) => b.rank - a.rank || byAge(a, b));
  }
  plan(depth = 1, shapes?: ReadonlySet<string>): BackfillPlan {
    this.profile.advance(this.now);
    const { now, profile, index, waiting: order, answer: start, promised } = this;
    const cycle = { now, profile, index, order, start, promised, ...(shapes && { shapes }) };
    const plan = planBackfill(cycle, { ...BACKFILL_DEFAULTS, depth });
    this.promised = plan.promised;
    return plan;
  }
}
const started = ({ started: all }: BackfillPlan): string[] => all.map(({ id }) => id);

interface Life {
  readonly candidate: Candidate;
  /** Share of the estimate after which it ends. */
  readonly used: number;
  /** Leaves the queue then, if it waits still. */
  readonly leavesAt: number;
}
const lives = (maxWaitMs: number, ranks = 1): fc.Arbitrary<Life[]> =>
  fc
    .array(
      fc.record({
        gpus: fc.integer({ min: 0, max: 8 }),
        cpus: fc.integer({ min: 0, max: 20 }),
        durationMs: fc.integer({ min: 1, max: 30 }),
        submittedAt: fc.integer({ min: 0, max: 80 }),
        used: fc.constantFrom(0.2, 0.7, 1),
        leavesAt: fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, fc.integer({ min: 1, max: 100 })),
        rank: fc.integer({ min: 1, max: ranks }),
      }),
      { maxLength: 40, size: 'max' },
    )
    .map((all) =>
      all.map(({ gpus, cpus, used, leavesAt, ...rest }, index): Life => {
        const id = `w${String(index).padStart(3, '0')}`;
        return { candidate: candidate(id, { ...rest, amounts: [gpus, cpus], maxWaitMs }), used, leavesAt };
      }),
    );
const reservations = fc.array(
  fc
    .record({
      gpus: fc.integer({ min: 0, max: 8 }),
      from: fc.integer({ min: 0, max: 100 }),
      ms: fc.integer({ min: 1, max: 30 }),
    })
    .map(({ gpus, from, ms }): Hold => ({ amounts: [gpus, 0], from, to: from + ms, lapses: true })),
  { maxLength: 2 },
);

/** Runs lives to their ends, one cycle at each instant at which something happens. */
function run(
  all: readonly Life[],
  reserved: readonly Hold[],
  depth: number,
  all_shapes: boolean,
  look?: (stage: Stage, plan: BackfillPlan) => void,
) {
  const stage = new Stage();
  // Two reservations together never exceed the flavor: the second gives way.
  for (const [index, hold] of reserved.entries()) {
    if (stage.profile.fits(hold.amounts, hold.to - hold.from, hold.from)) stage.profile.hold(`reserved ${index}`, hold);
  }
  const arrivals = all.toSorted((a, b) => byAge(a.candidate, b.candidate));
  const ends = new Map<string, number>();
  const starts = new Map<string, number>();
  const lapses = reserved.map(({ to }) => to);
  const leaving = all.flatMap(({ leavesAt }) => (leavesAt === Infinity ? [] : [leavesAt]));
  for (;;) {
    stage.now = Math.min(arrivals[0]?.candidate.submittedAt ?? Infinity, ...ends.values(), ...lapses, ...leaving);
    if (stage.now === Infinity) break;
    while (leaving.includes(stage.now)) leaving.splice(leaving.indexOf(stage.now), 1);
    let freed = false;
    for (const [id, at] of ends) {
      if (at > stage.now) continue;
      ends.delete(id);
      stage.profile.release(id);
      freed = true;
    }
    for (const at of lapses.filter((one) => one <= stage.now)) {
      lapses.splice(lapses.indexOf(at), 1);
      freed = true;
    }
    const came = new Set<string>();
    while (arrivals[0] !== undefined && arrivals[0].candidate.submittedAt <= stage.now) {
      const { candidate: one } = arrivals.shift() as Life;
      stage.waits(one);
      came.add(one.shape);
    }
    for (const { candidate: one, leavesAt } of all) if (leavesAt <= stage.now) stage.index.remove(one.id);
    const plan = stage.plan(depth, all_shapes || freed ? undefined : came);
    for (const { id, durationMs } of plan.started) {
      const { used } = all.find((life) => life.candidate.id === id) as Life;
      starts.set(id, stage.now);
      ends.set(id, stage.now + Math.max(1, Math.round(durationMs * used)));
    }
    look?.(stage, plan);
  }
  return starts;
}
const arbitraryDepth = fc.constantFrom(1, 2, 5);
const arbitraryMaxWait = fc.constantFrom(0, 20, 1_000);

describe('backfill', () => {
  it('starts each at last, and each head by the first time that it was promised, around reservations too', () =>
    fc.assert(
      fc.property(
        arbitraryMaxWait.chain((maxWaitMs) => lives(maxWaitMs)),
        reservations,
        arbitraryDepth,
        (all, reserved, depth) => {
          const first = new Map<string, number>();
          const starts = run(all, reserved, depth, false, (_, { promised }) => {
            for (const { id, at, firm } of promised) if (firm && !first.has(id)) first.set(id, at);
          });
          for (const { candidate: one, leavesAt } of all)
            if (leavesAt === Infinity) expect(starts.has(one.id)).toBe(true);
          for (const [id, at] of first) expect(starts.get(id) ?? at).toBeLessThanOrEqual(at);
        },
      ),
      { numRuns: 100 },
    ));

  it('never takes what is not there, or what is reserved', () =>
    fc.assert(
      fc.property(
        arbitraryMaxWait.chain((maxWaitMs) => lives(maxWaitMs)),
        reservations,
        arbitraryDepth,
        (all, reserved, depth) => {
          run(all, reserved, depth, false, ({ profile }) => {
            for (const { free } of profile.steps()) expect(Math.min(...free)).toBeGreaterThanOrEqual(0);
          });
        },
      ),
    ));

  it('leaves nothing waiting that would move neither a head nor a reservation', () =>
    fc.assert(
      fc.property(
        arbitraryMaxWait.chain((maxWaitMs) => lives(maxWaitMs)),
        reservations,
        arbitraryDepth,
        (all, reserved, depth) => {
          run(all, reserved, depth, false, (stage, { promised }) => {
            const profile = stage.profile.copy();
            const heads = new Map(stage.waiting.map((one) => [one.id, one]));
            for (const { id, at } of promised) {
              const { amounts, durationMs } = heads.get(id) as Candidate;
              profile.hold(`head ${id}`, { amounts, from: at, to: at + durationMs });
            }
            const left = stage.waiting.filter(({ amounts, durationMs }) => profile.fits(amounts, durationMs));
            expect(left).toEqual([]);
          });
        },
      ),
    ));

  it('decides the same where it looks at what came alone', () =>
    fc.assert(
      fc.property(
        arbitraryMaxWait.chain((maxWaitMs) => lives(maxWaitMs, 3)),
        reservations,
        arbitraryDepth,
        (all, reserved, depth) => {
          expect([...run(all, reserved, depth, false)]).toEqual([...run(all, reserved, depth, true)]);
        },
      ),
      { numRuns: 200 },
    ));

  it('tries the shortest first, and before it those past their maxWait', () => {
    const wide = candidate('wide', { amounts: [8, 0], submittedAt: 0 });
    const [long, short, old] = [
      candidate('long', { durationMs: 50, submittedAt: 1, maxWaitMs: HOUR }),
      candidate('short', { durationMs: 10, submittedAt: 2, maxWaitMs: HOUR }),
      candidate('old', { shape: 'of another class', durationMs: 90, submittedAt: 3, maxWaitMs: 5 }),
    ];
    const stage = new Stage().holds('running', [5, 0], 0, 100).waits(wide, long, short, old);
    stage.now = 9;
    expect(started(stage.plan())).toEqual(['old', 'short', 'long']);
  });

  it('protects a young head from lower ranks alone, and a patient one from its own', () => {
    const head = candidate('head', { amounts: [8, 0], durationMs: 100, rank: 5, maxWaitMs: 400 });
    const own = candidate('own', { durationMs: 500, rank: 5, submittedAt: 1, maxWaitMs: 400 });
    const lower = candidate('lower', { durationMs: 600, rank: 4, submittedAt: 1, maxWaitMs: 400 });
    const stage = () => new Stage().holds('running', [6, 0], 0, 60);
    const young = stage().waits(head, own, lower).plan();
    expect(started(young)).toEqual(['own']);
    expect(young.promised).toEqual([{ id: 'head', at: 500, firm: false, fragmented: false }]);
    const patient = stage().waits(head, own, lower);
    patient.now = 50;
    expect(patient.plan()).toEqual({
      started: [],
      promised: [{ id: 'head', at: 60, firm: true, fragmented: false }],
    });
  });

  it('asks no more of a shape once the core has said that it is not allowed', () => {
    const stage = new Stage().waits(...['a', 'b', 'c'].map((id) => candidate(id)), candidate('d', { amounts: [2, 0] }));
    const asked: string[] = [];
    stage.answer = ({ id, shape }) => {
      asked.push(id);
      return shape === '1,1' ? 'not-allowed' : 'started';
    };
    expect(started(stage.plan())).toEqual(['d']);
    expect(asked).toEqual(['a', 'd']);
  });

  it('keeps room for one that fits in sum but on no node, from the next change on', () => {
    const stage = new Stage()
      .holds('running', [4, 0], 0, 60)
      .waits(
        candidate('head', { amounts: [4, 0] }),
        candidate('late', { amounts: [5, 0], durationMs: 70, submittedAt: 1 }),
        candidate('long', { amounts: [2, 0], durationMs: 70, submittedAt: 2 }),
        candidate('more', { amounts: [3, 0], durationMs: 70, submittedAt: 3 }),
      );
    stage.answer = ({ id }) => (id === 'head' ? 'no-node' : 'started');
    const plan = stage.plan();
    expect(plan.promised).toEqual([{ id: 'head', at: 60, firm: false, fragmented: true }]);
    // 8 are free from 60 on, 4 of them the head's: the two and not the three.
    expect(started(plan)).toEqual(['long']);
  });

  it('lets one that is new before the heads take their time, and tells them', () => {
    const stage = new Stage().holds('running', [8, 0], 0, 60).waits(candidate('head', { amounts: [8, 0] }));
    expect(stage.plan().promised).toEqual([{ id: 'head', at: 60, firm: true, fragmented: false }]);
    stage.waits(candidate('urgent', { amounts: [8, 0], durationMs: 30, rank: 9, submittedAt: 1 }));
    stage.now = 1;
    expect(stage.plan(2).promised).toEqual([
      { id: 'urgent', at: 60, firm: true, fragmented: false },
      { id: 'head', at: 90, firm: true, fragmented: false },
    ]);
  });

  it('leaves the profile as it was, the started ones apart', () => {
    const stage = new Stage().holds('running', [8, 0], 0, 60).waits(candidate('a'), candidate('b', { submittedAt: 1 }));
    const before = stage.profile.steps();
    stage.plan(2);
    expect(stage.profile.steps()).toEqual(before);
  });
});

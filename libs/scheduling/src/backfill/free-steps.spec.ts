import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FreeSteps } from './free-steps.js';

const CAPACITY = [1_000, 50];
const LAST = 3_000;
/** So many that the steps lie in several runs. */
const MANY = 1_200;

interface Change {
  gpus: number;
  from: number;
  length: number;
}
const arbitraryChange: fc.Arbitrary<Change> = fc.record({
  gpus: fc.integer({ min: 0, max: 3 }),
  from: fc.integer({ min: 0, max: LAST }),
  length: fc.integer({ min: 1, max: 2_500 }),
});
const arbitraryChanges = fc.array(arbitraryChange, { minLength: MANY, maxLength: MANY });
const amountsOf = ({ gpus }: Change): number[] => [gpus, gpus % 2];

/** Of some changes half are taken back; what is left, at every moment, by adding up. */
function play(changes: readonly Change[]): { steps: FreeSteps; free: number[][] } {
  const steps = new FreeSteps(CAPACITY, 0);
  const free = Array.from({ length: LAST + 2_600 }, () => [...CAPACITY]);
  const add = (change: Change, sign: 1 | -1): void => {
    const to = change.from + change.length;
    steps.add(amountsOf(change), sign, change.from, to);
    for (let time = change.from; time < to; time += 1)
      free[time] = (free[time] as number[]).map((one, axis) => one + sign * (amountsOf(change)[axis] as number));
  };
  for (const change of changes) add(change, -1);
  for (const change of changes.filter((_, index) => index % 2 === 0)) add(change, 1);
  return { steps, free };
}

describe('many free steps', () => {
  it('are what adding up gives, no two neighbours alike', () =>
    fc.assert(
      fc.property(arbitraryChanges, (changes) => {
        const { steps, free } = play(changes);
        const all = [...steps.all()];
        const changesAt = free.flatMap((one, time) =>
          time === 0 || one.some((amount, axis) => amount !== free[time - 1]?.[axis]) ? [time] : [],
        );
        expect(all.map(({ from }) => from)).toEqual(changesAt);
        expect(all.map((one) => one.free)).toEqual(changesAt.map((time) => free[time]));
        for (const time of [0, 1, 700, LAST]) {
          expect(steps.amountsAt(time)).toEqual(free[time]);
          expect(steps.changeAfter(time)).toBe(changesAt.find((change) => change > time));
        }
      }),
      { numRuns: 5, endOnFailure: true },
    ));

  it('find the first moment with so much where it only grows', () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: LAST }), { minLength: MANY, maxLength: MANY }),
        fc.tuple(
          fc.integer({ min: 0, max: MANY }),
          fc.integer({ min: 0, max: LAST }),
          fc.integer({ min: 1, max: LAST }),
        ),
        (ends, [wanted, from, end]) => {
          const steps = new FreeSteps([MANY], 0);
          for (const to of ends) steps.add([1], -1, 0, to);
          const free = (time: number): number => ends.filter((to) => to <= time).length;
          let first: number | undefined;
          for (let time = from; time < end && first === undefined; time += 1) if (free(time) >= wanted) first = time;
          expect(steps.firstWith([wanted], from, Math.max(end, from + 1))).toBe(
            first ?? (end <= from && free(from) >= wanted ? from : undefined),
          );
        },
      ),
      { numRuns: 20, endOnFailure: true },
    ));

  it('forget the past and nothing else', () =>
    fc.assert(
      fc.property(arbitraryChanges, fc.integer({ min: 0, max: LAST }), (changes, now) => {
        const { steps, free } = play(changes);
        const before = [...steps.all()].filter(({ from }) => from > now);
        steps.advance(now);
        expect(steps.begin).toBe(now);
        expect([...steps.all()]).toEqual([{ from: now, free: free[now] }, ...before]);
        steps.addToAll([1, 0]);
        const [gpus = 0, cpus = 0] = free[LAST + 900] ?? [];
        expect(steps.amountsAt(LAST + 900)).toEqual([gpus + 1, cpus]);
      }),
      { numRuns: 5, endOnFailure: true },
    ));
});

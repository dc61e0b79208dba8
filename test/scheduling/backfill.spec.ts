import { createHash } from 'node:crypto';
import {
  type ReplayPolicy,
  replay,
  replayBackfill,
  replayEasy,
  replayFirstComeFirstServed,
  replayShortestFirst,
  type Starts,
  startLines,
  traceMetrics,
} from '#libs/scheduling';
import { GOLDEN_POLICIES, type GoldenCase, goldenCases, readTrace } from './trace-files.js';

const DAY = 86_400_000;
const textbook: Record<(typeof GOLDEN_POLICIES)[number], (processors: number) => ReplayPolicy> = {
  fcfs: replayFirstComeFirstServed,
  easy: replayEasy,
  'easy-sjbf': replayShortestFirst,
};
const digest = (starts: Starts): string => createHash('sha256').update(startLines(starts)).digest('hex');

// Where the traces are not at hand, the report still names what was skipped.
if (goldenCases.length === 0) describe.skip('backfill on recorded workloads', () => it('needs shared/data', () => {}));

for (const golden of goldenCases) describeCase(golden);

function describeCase(golden: GoldenCase): void {
  describe(`backfill on ${golden.trace}, arrivals x ${golden.arrivalFactor}`, () => {
    const { processors } = golden;
    const trace = readTrace(golden);
    const run = (policy: ReplayPolicy): Starts => replay(trace, policy);
    const metricsOf = (starts: Starts) => traceMetrics(trace, starts);

    it('reads the jobs that the golden values were made from', () => {
      expect(trace.jobs).toHaveLength(golden.jobs);
      expect(trace.dropped).toBe(golden.dropped);
    });

    it.each(GOLDEN_POLICIES)('starts each job when the reference does: %s', (name) => {
      const expected = golden.policies[name];
      const starts = run(textbook[name](processors));
      expect(metricsOf(starts)).toMatchObject({
        meanBoundedSlowdown: expected.averageBoundedSlowdown,
        meanWaitMs: expected.meanWaitMs,
        longestWaitMs: expected.maxWaitMs,
        makespanMs: expected.makespanMs,
        utilisation: expected.utilisation,
        sumOfStartsMs: expected.sumStartMs,
      });
      expect(digest(starts)).toBe(expected.startsSha256);
    });

    it('is EASY to the job where nobody has patience and age alone decides', () => {
      const starts = run(replayBackfill(processors, { maxWaitMs: 0 }));
      expect(digest(starts)).toBe(golden.policies.easy.startsSha256);
    });

    it.each([1, 4, 10])(
      'slows jobs down less than EASY, and lets none wait 1.5 times as long: maxWait %d d',
      (days) => {
        const easy = golden.policies.easy;
        const ours = metricsOf(run(replayBackfill(processors, { maxWaitMs: days * DAY })));
        expect(ours.meanBoundedSlowdown).toBeLessThan(easy.averageBoundedSlowdown);
        expect(ours.longestWaitMs).toBeLessThanOrEqual(1.5 * easy.maxWaitMs);
      },
    );

    it.each([1, 4])('starts every head by the first time that it was promised, %d protected', (depth) => {
      const first = new Map<number, number>();
      const starts = run(
        replayBackfill(processors, {
          depth,
          maxWaitMs: 4 * DAY,
          onPromised: (promised) => {
            for (const { id, at, firm } of promised) if (firm && !first.has(Number(id))) first.set(Number(id), at);
          },
        }),
      );
      expect(first.size).toBeGreaterThan(100);
      const late = [...first].filter(([index, at]) => (starts[index] as number) > at);
      expect(late).toEqual([]);
    });
  });
}

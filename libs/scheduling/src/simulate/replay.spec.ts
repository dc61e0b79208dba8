import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ReplayPolicy, replay } from './replay.js';
import { replayBackfill } from './replay-backfill.js';
import { replayEasy, replayFirstComeFirstServed, replayShortestFirst } from './replay-policies.js';
import type { Trace, TraceJob } from './swf.js';
import { percentile, startLines, traceMetrics } from './trace-metrics.js';

/** Jobs as [submit, run, estimate, size], seconds; a machine of 4. */
const traceOf = (...jobs: [number, number, number, number][]): Trace => ({
  processors: 4,
  dropped: 0,
  jobs: jobs.map(([submit, run, estimate, size], index) => ({
    index,
    submitMs: submit * 1_000,
    runMs: run * 1_000,
    estimateMs: estimate * 1_000,
    size,
  })),
});
const seconds = (starts: readonly number[]): number[] => starts.map((start) => start / 1_000);

// A holds 3 until 10 (it says 20); B wants all 4; C is long and small, D short and small, E fits before 20.
const trace = traceOf([0, 10, 20, 3], [1, 10, 10, 4], [2, 30, 30, 1], [3, 5, 5, 1], [4, 15, 15, 1]);

describe('a replay', () => {
  it('first come, first served: nobody passes', () => {
    expect(seconds(replay(trace, replayFirstComeFirstServed(4)))).toEqual([0, 10, 20, 20, 20]);
  });

  it('EASY: in the order of the queue, before the shadow time or beside the head', () => {
    // At 3 D fits before B's shadow at 20 and starts; E at 8 would end at 23, after it.
    expect(seconds(replay(trace, replayEasy(4)))).toEqual([0, 10, 20, 3, 20]);
  });

  it('shortest first: the shortest of those that would fit', () => {
    const two = traceOf([0, 10, 10, 3], [1, 10, 10, 4], [2, 6, 6, 1], [2, 5, 5, 1]);
    expect(seconds(replay(two, replayEasy(4)))).toEqual([0, 10, 2, 20]);
    expect(seconds(replay(two, replayShortestFirst(4)))).toEqual([0, 10, 20, 2]);
  });

  it('ends first, then arrivals, then one cycle', () => {
    const seen: string[] = [];
    const policy: ReplayPolicy = {
      ...replayFirstComeFirstServed(4),
      ended: ({ index }) => seen.push(`end ${index}`),
      arrived: ({ index }) => seen.push(`arrival ${index}`),
      cycle: (now) => {
        seen.push(`cycle ${now}`);
        return trace3.jobs.filter(({ submitMs }) => submitMs === now);
      },
    };
    const trace3 = traceOf([0, 5, 5, 4], [5, 5, 5, 2], [5, 5, 5, 2]);
    replay(trace3, policy);
    const first = ['arrival 0', 'cycle 0', 'end 0', 'arrival 1', 'arrival 2', 'cycle 5000'];
    expect(seen).toEqual([...first, 'end 1', 'end 2', 'cycle 10000']);
  });

  it('refuses a policy that starts too much, one twice, or one never', () => {
    const starting = (pick: (now: number) => TraceJob[]): ReplayPolicy => ({ arrived() {}, ended() {}, cycle: pick });
    const [a, b] = traceOf([0, 5, 5, 3], [0, 5, 5, 3]).jobs as [TraceJob, TraceJob];
    const both = traceOf([0, 5, 5, 3], [0, 5, 5, 3]);
    expect(() =>
      replay(
        both,
        starting(() => [a, b]),
      ),
    ).toThrow(/job 1 can't start/);
    expect(() =>
      replay(
        both,
        starting((now) => (now === 0 ? [a] : [a])),
      ),
    ).toThrow(/job 0 can't start/);
    expect(() =>
      replay(
        both,
        starting((now) => (now === 0 ? [a] : [])),
      ),
    ).toThrow(/job 1 never started/);
  });

  it('never holds more than there is, under any policy, and is over when all has run', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.integer({ min: 0, max: 50 }),
            fc.integer({ min: 1, max: 20 }),
            fc.integer({ min: 0, max: 20 }),
            fc.integer({ min: 1, max: 4 }),
          ),
          { maxLength: 30 },
        ),
        (jobs) => {
          const sorted = jobs.toSorted(([a], [b]) => a - b);
          const own = traceOf(
            ...sorted.map(([at, run, more, size]): [number, number, number, number] => [at, run, run + more, size]),
          );
          const policies = [replayFirstComeFirstServed, replayEasy, replayShortestFirst];
          const ours = (processors: number) => replayBackfill(processors, { maxWaitMs: 30_000 });
          for (const policy of [...policies, ours]) {
            const starts = replay(own, policy(4));
            for (const at of starts) {
              const held = own.jobs.filter(({ index, runMs }) => {
                const start = starts[index] as number;
                return start <= at && at < start + runMs;
              });
              expect(held.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(4);
            }
            for (const { index, submitMs } of own.jobs) expect(starts[index]).toBeGreaterThanOrEqual(submitMs);
          }
        },
      ),
      { numRuns: 50 },
    ));
});

describe('the metrics of a replay', () => {
  it('are those of the definitions', () => {
    const own = traceOf([0, 10, 10, 4], [0, 5, 5, 2], [10, 100, 100, 2]);
    const metrics = traceMetrics(own, [0, 20_000, 10_000]);
    // Slowdowns 1, (20 + 5) / 10 since runs count as 10 s at least, and 1.
    expect(metrics).toEqual({
      meanBoundedSlowdown: 4.5 / 3,
      meanWaitMs: 20_000 / 3,
      p50WaitMs: 0,
      p95WaitMs: 20_000,
      longestWaitMs: 20_000,
      makespanMs: 110_000,
      utilisation: 250 / 440,
      sumOfStartsMs: 30_000,
    });
    expect(startLines([0, 20_000, 10_000])).toBe('0\n20000\n10000');
  });

  it('take percentiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([percentile(hundred, 0.5), percentile(hundred, 0.95), percentile([], 0.5)]).toEqual([50, 95, 0]);
  });
});

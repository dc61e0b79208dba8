import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KernelId } from '#libs/contracts';
import { bandText } from './band-text.js';
import { expectedStart, type Ground, type There } from './expected-start.js';
import { freedWithin } from './survival.js';

const MINUTE = 60_000;
const MEMORY = 1_000;
let count = 0;
interface Workload {
  id: KernelId;
  /** Memory, and a place. */
  amounts: number[];
}
function workload(memoryBytes = 1): Workload {
  count += 1;
  const id = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}` as KernelId;
  return { id, amounts: [memoryBytes, 1] };
}
/** As many kernels as there are places, and memory, for. */
function thereAre(places: number, ...workloads: Workload[]): There {
  const running: Workload[] = [];
  for (const one of workloads) {
    const used = running.reduce((sum, { amounts }) => sum + (amounts[0] as number), one.amounts[0] as number);
    if (running.length < places && used <= MEMORY) running.push(one);
  }
  return { capacity: [MEMORY, places], running };
}
const startOf = (there: There, ahead: Workload[], own: Workload, from: Ground, now: number) =>
  expectedStart(
    there,
    ahead.map(({ amounts }) => amounts),
    own.amounts,
    from,
    now,
  );
const ground = (heldMs: readonly number[], since = 0): Ground => ({ heldMs, since: () => since });
const minutes = (...of: number[]): number[] => of.map((one) => one * MINUTE);
const tenths = minutes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

/** Reproducible chance, mulberry32. */
function chance(seed: number): () => number {
  let at = seed;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('how long places are held', () => {
  it('is what was observed, where all that were observed have ended', () => {
    const freed = freedWithin(tenths, []);
    expect(freed(0, 0)).toBe(0);
    expect(freed(0, 5 * MINUTE)).toBeCloseTo(0.5);
    expect(freed(0, 10 * MINUTE)).toBeCloseTo(1);
  });

  it('goes by those alone that held longer than this one has', () => {
    const freed = freedWithin([...tenths, ...tenths], []);
    expect(freed(5 * MINUTE, MINUTE)).toBeCloseTo(0.2);
    expect(freed(5 * MINUTE, 5 * MINUTE)).toBeCloseTo(1);
  });

  it('counts what still runs as longer than it has run', () => {
    const alone = freedWithin(tenths, []);
    const beside = freedWithin(tenths, minutes(20, 20, 20, 20, 20, 20, 20, 20, 20, 20));
    expect(beside(0, 10 * MINUTE)).toBeCloseTo(0.5);
    expect(beside(0, 5 * MINUTE)).toBeLessThan(alone(0, 5 * MINUTE));
  });

  it('says nothing where fewer than eight held longer', () => {
    const freed = freedWithin(tenths, []);
    expect(freed(2 * MINUTE, 100 * MINUTE)).toBeCloseTo(1);
    expect(freed(3 * MINUTE, 100 * MINUTE)).toBe(0);
  });

  it('never falls as time goes on', () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 50 })),
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (ended, running, elapsed, more, later) => {
          const freed = freedWithin(ended, running);
          const [first, second] = [freed(elapsed, more), freed(elapsed, more + later)];
          expect(first).toBeGreaterThanOrEqual(0);
          expect(second).toBeGreaterThanOrEqual(first - 1e-12);
          expect(second).toBeLessThanOrEqual(1 + 1e-12);
        },
      ),
    ));
});

describe('the expected start', () => {
  it('is a band where one place is held and the past says for how long', () => {
    const [holder, own] = [workload(), workload()];
    const state = thereAre(1, holder);
    expect(startOf(state, [], own, ground(tenths), 0)).toEqual({ earliest: MINUTE, latest: 9 * MINUTE });
  });

  it('is unknown without a past, with a short one, and when the kernel has run for longer than most', () => {
    const [holder, own] = [workload(), workload()];
    const state = thereAre(1, holder);
    const start = (held: number[], now: number) => startOf(state, [], own, ground(held), now);
    expect(start([], 0)).toBeNull();
    expect(start(tenths.slice(0, 7), 0)).toBeNull();
    expect(start(tenths, 2 * MINUTE)).not.toBeNull();
    expect(start(tenths, 3 * MINUTE)).toBeNull();
  });

  it('is unknown where it is not known since when the place is held', () => {
    const [holder, own] = [workload(), workload()];
    const state = thereAre(1, holder);
    expect(startOf(state, [], own, { heldMs: tenths, since: () => null }, 0)).toBeNull();
  });

  it('comes later the more are ahead, and is unknown beyond those that run', () => {
    const all = Array.from({ length: 8 }, () => workload());
    const state = thereAre(4, ...all);
    const starts = [4, 5, 6, 7].map((index) =>
      startOf(state, all.slice(4, index), all[index] as Workload, ground(tenths), 0),
    );
    const latest = starts.map((start) => start?.latest ?? Number.NaN);
    expect(latest).toEqual(latest.toSorted((a, b) => a - b));
    expect(new Set(latest).size).toBeGreaterThan(2);
    const fifth = workload();
    expect(startOf(state, all.slice(4), fifth, ground(tenths), 0)).toBeNull();
  });

  it('is wide where it matters which kernel ends first', () => {
    const [large, small, own] = [workload(600), workload(300), workload(500)];
    const state = thereAre(10, large, small);
    const wide = startOf(state, [], own, ground(tenths), 0);
    // The end of the large one is enough; the end of the small one is not.
    const even = thereAre(2, workload(), workload());
    const one = startOf(even, [], own, ground(tenths), 0);
    expect(wide?.earliest).toBe(one?.earliest);
    expect(wide?.latest).toBeGreaterThan(one?.latest as number);
  });

  it('holds the actual start in about eight of ten cases', () => {
    const random = chance(20261123);
    const holding = () =>
      Math.round(MINUTE * Math.exp(2 + 0.8 * Math.sqrt(-2 * Math.log(random())) * Math.cos(6.2831853 * random())));
    let [inside, told] = [0, 0];
    for (let round = 0; round < 400; round += 1) {
      const all = Array.from({ length: 7 }, () => workload());
      const state = thereAre(5, ...all);
      const past = Array.from({ length: 200 }, holding);
      const now = 60 * MINUTE;
      // Running since a moment of the last half hour; the rest of its life is given that it lives now.
      const since = new Map(all.slice(0, 5).map(({ id }) => [id, now - Math.round(30 * MINUTE * random())]));
      const ends = [...since.values()].map((began) => {
        for (;;) {
          const end = began + holding();
          if (end > now) return end;
        }
      });
      const second = ends.sort((a, b) => a - b)[1] as number;
      const from = { heldMs: past, since: (id: KernelId) => since.get(id) ?? null };
      const band = startOf(state, [all[5] as Workload], all[6] as Workload, from, now);
      if (band === null) continue;
      told += 1;
      if (second >= band.earliest && second <= band.latest) inside += 1;
    }
    expect(told).toBeGreaterThan(300);
    expect(inside / told).toBeGreaterThan(0.72);
    expect(inside / told).toBeLessThan(0.88);
  });
});

describe('a band for people', () => {
  it.each([
    [null, 'unknown'],
    [[0, 20_000], 'within 1 minute'],
    [[30_000, 90_000], 'within 2 minutes'],
    [[2 * MINUTE, 5.5 * MINUTE], 'in 2 to 6 minutes'],
    [[5 * MINUTE, 5 * MINUTE], 'in 5 minutes'],
    [[100 * MINUTE, 170 * MINUTE], 'in 1 to 3 hours'],
    [[30 * 60 * MINUTE, 70 * 60 * MINUTE], 'in 1 to 3 days'],
  ])('of %p is %s', (band, text) => {
    const at = 1_000_000;
    const [earliest = 0, latest = 0] = band ?? [];
    expect(bandText(band && { earliest: at + earliest, latest: at + latest }, at)).toBe(text);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { DayEvent, SessionEvent } from './day-event.js';
import { INTERACTIVE_DAY } from './day-parameters.js';
import { interactiveDay } from './interactive-day.js';
import { seededRandom, xoshiro128 } from './random.js';
import { percentile } from './trace-metrics.js';

const HOUR = 3_600_000;
const sessionsOf = (events: readonly DayEvent[]): SessionEvent[] =>
  events.filter((event): event is SessionEvent => event.kind === 'session');
const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

describe('the generated day', () => {
  const day = interactiveDay(seededRandom(1));
  const many = Array.from({ length: 30 }, (_, seed) =>
    sessionsOf(
      interactiveDay(seededRandom(seed), {
        ...INTERACTIVE_DAY,
        reprocessing: { ...INTERACTIVE_DAY.reprocessing, jobs: 0 },
      }),
    ),
  );

  it('is the same for the same seed, and another for another', () => {
    const text = JSON.stringify(day);
    expect(JSON.stringify(interactiveDay(seededRandom(1))) === text).toBe(true);
    expect(JSON.stringify(interactiveDay(seededRandom(2))) === text).toBe(false);
  });

  it('is in order of time, with ids of its own and whole milliseconds', () => {
    expect(day.findIndex(({ at }, index) => at < (day[index - 1]?.at ?? 0))).toBe(-1);
    expect(new Set(day.map(({ id }) => id)).size).toBe(day.length);
    expect(day.filter(({ at }) => !Number.isInteger(at) || at < 0 || at >= 24 * HOUR)).toEqual([]);
  });

  it('has a beamline job every two minutes and 50,000 at night, none beyond its wall limit', () => {
    const beamline = day.filter(({ kind }) => kind === 'beamline');
    expect(beamline.map(({ at }) => at)).toEqual(Array.from({ length: 720 }, (_, index) => index * 120_000));
    const reprocessing = day.filter(({ kind }) => kind === 'reprocessing');
    expect(reprocessing).toHaveLength(50_000);
    expect([reprocessing[0]?.at, reprocessing.at(-1)?.at]).toEqual([21 * HOUR, 21 * HOUR + 599_988]);
    expect(day.filter((event) => event.kind !== 'session' && event.runMs > event.wallLimitMs)).toEqual([]);
  });

  it('has as many sessions as its rates say, by the hour too, of 200 users', () => {
    // Poisson: 30 days of 351 have a standard deviation of 103; the bounds are 4 of them.
    const all = many.flat();
    expect(Math.abs(all.length - 30 * 351)).toBeLessThan(412);
    const at10 = all.filter(({ at }) => Math.floor(at / HOUR) === 10).length;
    expect(Math.abs(at10 - 30 * 36)).toBeLessThan(4 * Math.sqrt(30 * 36));
    expect(new Set(all.map(({ user }) => user)).size).toBe(200);
  });

  it('has fewer on a Sunday', () => {
    const sunday = sessionsOf(interactiveDay(seededRandom(1), { ...INTERACTIVE_DAY, weekday: 6 }));
    expect(sunday.length).toBeLessThan(150);
  });

  it('has lognormal busy times and heavy-tailed pauses', () => {
    const cells = many.flat().flatMap((session) => session.cells);
    const busy = ascending(cells.map(({ busyMs }) => busyMs));
    const think = ascending(cells.map(({ thinkMs }) => thinkMs));
    // Medians: 4 s, and 60 s * (2^(2/3) - 1). One sigma of the logarithm above: 84.13 %.
    expect(percentile(busy, 0.5) / 4_000).toBeCloseTo(1, 1);
    expect(percentile(busy, 0.8413) / (4_000 * Math.exp(1.8))).toBeCloseTo(1, 1);
    expect(percentile(think, 0.5) / 35_244).toBeCloseTo(1, 1);
    const beyond = think.filter((ms) => ms > 1_800_000).length / think.length;
    expect(beyond * 172.6).toBeCloseTo(1, 0);
    expect(Math.max(...many.flat().map((session) => session.cells.length))).toBeLessThanOrEqual(300);
  });
});

describe('the generator of random numbers', () => {
  it('is even over tenths', () => {
    const random = seededRandom(7);
    const tenths = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 100_000; draw += 1) {
      const tenth = Math.floor(random.next() * 10);
      tenths[tenth] = (tenths[tenth] as number) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it('goes through the sequence of xoshiro128**', () => {
    const next = xoshiro128([1, 2, 3, 4]);
    // Worked out by hand from the reference code.
    expect([next(), next(), next(), next()]).toEqual([11_520, 0, 5_927_040, 70_819_200]);
  });

  it('gives other numbers for another seed', () => {
    expect(seededRandom(0).next()).not.toBe(seededRandom(1).next());
  });
});

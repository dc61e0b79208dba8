import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Demand } from './demand.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WEEK = 168 * HOUR;
/** Begins an hour. */
const START = 490_000 * HOUR;

/** Arrivals evenly, so many an hour. */
function steady(demand: Demand, from: number, to: number, perHour: number): void {
  for (let at = from; at < to; at += HOUR / perHour) demand.arrived(Math.floor(at));
}

describe('the demand for kernels', () => {
  it('is none before the first', () => {
    expect(Demand.since(START).expected(START + HOUR, HOUR)).toBe(0);
  });

  it.each([1, 12, 240])('comes to what steadily arrives, %d an hour', (perHour) => {
    const demand = Demand.since(START + 1, 60 * MINUTE);
    steady(demand, START + 1, START + 20 * HOUR, perHour);
    // At one an hour the fast mean goes up and down by the half of an arrival.
    const found = demand.expected(START + 20 * HOUR, HOUR) / perHour;
    expect(Math.abs(found - 1)).toBeLessThan(perHour === 1 ? 0.5 : 0.05);
  });

  it('falls by half in a half-life where the hour of the week is not known', () => {
    const demand = Demand.since(START + 1);
    for (let count = 0; count < 64; count += 1) demand.arrived(START + 1);
    const first = demand.expected(START + 1, MINUTE);
    expect(first).toBeCloseTo((64 * Math.LN2) / 15, 6);
    expect(demand.expected(START + 1 + 15 * MINUTE, MINUTE) / first).toBeCloseTo(1 / 2, 4);
    expect(demand.expected(START + 1 + 40 * MINUTE, MINUTE) / first).toBeCloseTo(2 ** (-40 / 15), 1);
    expect(demand.expected(START + 1 + WEEK / 2, MINUTE)).toBe(0);
  });

  it('is known a week later, at that hour and at no other', () => {
    const demand = Demand.since(START);
    steady(demand, START, START + HOUR, 30);
    expect(demand.expected(START + WEEK - 1, HOUR)).toBe(0);
    expect(demand.expected(START + WEEK, HOUR)).toBe(30);
    expect(demand.expected(START + WEEK + HOUR / 2, HOUR / 2)).toBe(15);
    expect(demand.expected(START + WEEK + HOUR, HOUR)).toBe(0);
    // Nobody came in the second week: three quarters of it are left.
    expect(demand.expected(START + 2 * WEEK, HOUR)).toBe(22.5);
  });

  it('is the higher one of lately and usually, not both', () => {
    const demand = Demand.since(START);
    steady(demand, START, START + HOUR, 30);
    for (let count = 0; count < 15; count += 1) demand.arrived(START + WEEK);
    expect(demand.expected(START + WEEK, HOUR)).toBeCloseTo(15 * 4 * Math.LN2, 4);
  });

  it('learns nothing from an hour of which it saw a part', () => {
    const demand = Demand.since(START + 30 * MINUTE);
    steady(demand, START + 30 * MINUTE, START + HOUR, 30);
    expect(demand.expected(START + WEEK, HOUR)).toBe(0);
  });

  it('bears years of silence and a clock that steps back', () => {
    const demand = Demand.since(START);
    steady(demand, START, START + HOUR, 30);
    demand.arrived(START - 5 * HOUR);
    expect(demand.expected(START - WEEK, HOUR)).toBeGreaterThan(0);
    expect(demand.expected(START + 520 * WEEK, HOUR)).toBeLessThan(0.001);
    expect(demand.snapshot().hour).toBe((START + 520 * WEEK) / HOUR);
  });

  it('is kept as integers, and goes on the same from a snapshot', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 * HOUR }), fc.boolean()), { maxLength: 60 }),
        fc.nat(60),
        (events, cut) => {
          const demand = Demand.since(START);
          let other = Demand.restore(demand.snapshot());
          let now = START;
          for (const [index, [gap, comes]] of events.entries()) {
            now += gap;
            // A snapshot as it is stored: text.
            if (index === cut) other = Demand.restore(JSON.parse(JSON.stringify(other.snapshot())));
            for (const one of [demand, other]) comes ? one.arrived(now) : one.expected(now, MINUTE);
          }
          expect(other.snapshot()).toEqual(demand.snapshot());
          expect(other.expected(now + HOUR, HOUR)).toBe(demand.expected(now + HOUR, HOUR));
          const { means, whole: _, ...numbers } = demand.snapshot();
          const all = [...Object.values(numbers), ...means.filter((mean) => mean !== null)];
          expect(all.filter((value) => !Number.isSafeInteger(value) || value < 0)).toEqual([]);
        },
      ),
    ));

  it('does not depend on when it was looked at, but for the last bits', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: HOUR }), { minLength: 1, maxLength: 30 }), (looks) => {
        const [quiet, watched] = [Demand.since(START), Demand.since(START)];
        for (const demand of [quiet, watched]) for (let count = 0; count < 50; count += 1) demand.arrived(START);
        for (const at of looks.toSorted((a, b) => a - b)) watched.expected(START + at, MINUTE);
        const [a, b] = [quiet, watched].map((demand) => demand.expected(START + 2 * HOUR, HOUR)) as [number, number];
        expect(Math.abs(a - b)).toBeLessThan(0.001);
      }),
    ));

  it('refuses a half-life that has no whole steps', () => {
    for (const halfLife of [0, -60, 100]) expect(() => Demand.since(START, halfLife)).toThrow(RangeError);
  });
});

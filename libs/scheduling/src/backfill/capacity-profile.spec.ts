import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Amounts } from './amounts.js';
import { CapacityProfile, FOREVER, type Hold } from './capacity-profile.js';

const CAPACITY = [8, 20];
const LAST = 60;
const arbitraryAmounts = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 12 }));
const arbitraryHold: fc.Arbitrary<Hold> = fc
  .record({
    amounts: arbitraryAmounts,
    from: fc.integer({ min: 0, max: LAST - 1 }),
    length: fc.integer({ min: 1, max: 20 }),
    lapses: fc.boolean(),
  })
  .map(({ amounts, from, length, lapses }) => ({ amounts, from, to: from + length, lapses }));
const arbitraryHolds = fc.array(arbitraryHold, { maxLength: 12 });

/** What is free at one moment, by adding up. */
const freeAt = (holds: readonly Hold[], time: number, capacity: Amounts = CAPACITY): number[] =>
  capacity.map((all, axis) =>
    holds
      .filter(({ from, to }) => from <= time && time < to)
      .reduce((free, { amounts }) => free - (amounts[axis] as number), all),
  );

const enough = (holds: readonly Hold[], amounts: Amounts, from: number, duration: number): boolean =>
  Array.from({ length: duration }, (_, tick) => freeAt(holds, from + tick)).every((free) =>
    free.every((one, axis) => one >= (amounts[axis] as number)),
  );

const profileOf = (holds: readonly Hold[], now = 0): CapacityProfile => {
  const profile = new CapacityProfile(CAPACITY, now);
  for (const [index, hold] of holds.entries()) profile.hold(`${index}`, hold);
  return profile;
};

const valueAt = (profile: CapacityProfile, time: number): Amounts | undefined =>
  profile.steps().findLast(({ from }) => from <= time)?.free;

describe('the capacity profile', () => {
  it('is what adding up gives, at every moment', () =>
    fc.assert(
      fc.property(arbitraryHolds, (holds) => {
        const profile = profileOf(holds);
        for (let time = 0; time < 90; time += 1) expect(valueAt(profile, time)).toEqual(freeAt(holds, time));
      }),
    ));

  it('is the same after a hold and its release, whatever else changed between', () =>
    fc.assert(
      fc.property(arbitraryHolds, arbitraryHold, arbitraryHolds, (before, own, others) => {
        const profile = profileOf(before);
        profile.hold('own', own);
        for (const [index, other] of others.entries()) profile.hold(`other ${index}`, other);
        profile.release('own');
        expect(profile.steps()).toEqual(profileOf([...before, ...others]).steps());
        for (const [index] of others.entries()) profile.release(`other ${index}`);
        expect(profile.steps()).toEqual(profileOf(before).steps());
      }),
    ));

  it('finds the earliest start: an oracle that tries every moment finds none before', () =>
    fc.assert(
      fc.property(
        arbitraryHolds,
        arbitraryAmounts,
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 0, max: 70 }),
        (holds, amounts, duration, from) => {
          let expected = from;
          while (!enough(holds, amounts, expected, duration)) expected += 1;
          expect(profileOf(holds).earliestStart(amounts, duration, from)).toBe(expected);
        },
      ),
      { numRuns: 300 },
    ));

  it('fits exactly where the oracle says so', () =>
    fc.assert(
      fc.property(
        arbitraryHolds,
        arbitraryAmounts,
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 0, max: 70 }),
        (holds, amounts, duration, at) => {
          expect(profileOf(holds).fits(amounts, duration, at)).toBe(enough(holds, amounts, at, duration));
        },
      ),
      { numRuns: 300 },
    ));

  it('is never below zero where each hold was put at its earliest start', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(arbitraryAmounts, fc.integer({ min: 1, max: 20 })), { maxLength: 30 }), (asked) => {
        const profile = new CapacityProfile(CAPACITY, 0);
        for (const [index, [amounts, duration]] of asked.entries()) {
          const from = profile.earliestStart(amounts, duration) as number;
          profile.hold(`${index}`, { amounts, from, to: from + duration });
        }
        for (const { free } of profile.steps()) expect(Math.min(...free)).toBeGreaterThanOrEqual(0);
      }),
    ));

  it('says the same of the future after time has passed, where all that ended was released or lapsed', () =>
    fc.assert(
      fc.property(
        arbitraryHolds,
        fc.integer({ min: 0, max: LAST }),
        arbitraryAmounts,
        fc.integer({ min: 1, max: 25 }),
        (holds, now, amounts, duration) => {
          const profile = profileOf(holds);
          for (const [index, { to, lapses }] of holds.entries()) if (to <= now && !lapses) profile.release(`${index}`);
          profile.advance(now);
          const left = holds.filter(({ to }) => to > now);
          expect(profile.steps()).toEqual(profileOf(left, now).steps());
          expect(profile.earliestStart(amounts, duration)).toBe(profileOf(left, now).earliestStart(amounts, duration));
          expect(profile.copy().steps()).toEqual(profile.steps());
        },
      ),
    ));

  it('keeps what outlasts its estimate, a minute at a time, and gives it back on its release', () => {
    const profile = profileOf([{ amounts: [3, 0], from: 0, to: 10 }]);
    profile.advance(10);
    expect(profile.freeNow).toEqual([5, 20]);
    expect(profile.earliestStart([8, 0], 5)).toBe(60_010);
    profile.advance(60_010);
    expect(profile.earliestStart([8, 0], 5)).toBe(120_010);
    profile.release('0');
    expect(profile.steps()).toEqual([{ from: 60_010, free: CAPACITY }]);
  });

  it('never starts what a hold without an end leaves too little for', () => {
    const profile = profileOf([{ amounts: [3, 0], from: 5, to: FOREVER }]);
    expect(profile.earliestStart([6, 0], 5)).toBe(0);
    expect(profile.earliestStart([6, 0], 6)).toBeUndefined();
    expect(profile.earliestStart([9, 0], 1)).toBeUndefined();
  });

  it('moves an end, and follows nodes that come and go', () => {
    const profile = profileOf([{ amounts: [8, 0], from: 0, to: 10 }]);
    profile.extend('0', 30);
    expect(profile.earliestStart([1, 0], 1)).toBe(30);
    profile.setCapacity([4, 20]);
    expect(profile.freeNow).toEqual([-4, 20]);
    expect(profile.earliestStart([4, 0], 1)).toBe(30);
    expect(profile.earliestStart([5, 0], 1)).toBeUndefined();
    profile.setCapacity([10, 20]);
    expect(profile.earliestStart([2, 0], 1)).toBe(0);
  });

  it('tells how far a hold can be extended: one millisecond more would take what another holds', () =>
    fc.assert(
      fc.property(arbitraryHolds, arbitraryHold, fc.integer({ min: 0, max: 90 }), (others, own, wanted) => {
        const profile = profileOf(others);
        profile.hold('own', own);
        const until = profile.roomUntil('own', wanted);
        const room = (to: number): boolean => enough(others, own.amounts, own.to, to - own.to);
        expect(until).toBeLessThanOrEqual(Math.max(wanted, own.to));
        expect(room(until)).toBe(true);
        if (until < wanted) expect(room(until + 1)).toBe(false);
      }),
      { numRuns: 300 },
    ));

  it('refuses a second hold under one name, and an empty one', () => {
    const profile = profileOf([{ amounts: [1, 1], from: 0, to: 10 }]);
    expect(() => profile.hold('0', { amounts: [1, 1], from: 0, to: 10 })).toThrow(RangeError);
    expect(() => profile.hold('1', { amounts: [1, 1], from: 10, to: 10 })).toThrow(RangeError);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SortedList } from './sorted-list.js';

const listOf = (numbers: Iterable<number>): SortedList<number> => {
  const list = new SortedList<number>((a, b) => a - b);
  for (const number of numbers) list.add(number);
  return list;
};

describe('a sorted list', () => {
  it('is a sorted set, over many chunks too', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4_000, size: 'max' }), (numbers) => {
        const list = listOf(numbers);
        const sorted = numbers.toSorted((a, b) => a - b);
        expect([...list]).toEqual(sorted);
        const removed = new Set(numbers.filter((_, index) => index % 3 > 0));
        for (const number of removed) expect(list.delete(number)).toBe(true);
        const left = sorted.filter((number) => !removed.has(number));
        expect([...list]).toEqual(left);
        expect(list.size).toBe(left.length);
        expect(list.first()).toBe(left[0]);
        for (const number of sorted.slice(0, 50)) {
          expect(list.after(number)).toBe(left.find((other) => other > number));
          expect(list.delete(number)).toBe(!removed.has(number));
        }
      }),
      { numRuns: 8 },
    ));

  it('knows what comes after one that was never in it', () => {
    const list = listOf([10, 20, 30]);
    expect([list.after(5), list.after(15), list.after(30), list.after(31)]).toEqual([10, 20, undefined, undefined]);
    expect(list.delete(15)).toBe(false);
  });
});

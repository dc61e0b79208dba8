import { expect, it } from '@jest/globals';
import { expectedLeftover } from './expected-leftover.js';

const typical = (...shapes: [milli: number, count: number][]) =>
  shapes.map(([gpuMilli, count]) => ({ cpuMilli: 0, gpuCount: gpuMilli > 0 ? 1 : 0, gpuMilli, count }));

it('expects of a device the crumbs that work put on it at random leaves', () => {
  const left = expectedLeftover(typical([600, 1], [400, 3], [0, 90]));
  // 300 takes nothing; 500 one of 400; of 1000, one in four starts with 600 and fills it, the others leave 600 to either.
  expect([0, 300, 500].map((free) => left[free])).toEqual([0, 300, 100]);
  expect(left[600]).toBe((0 + 3 * 200) / 4);
  expect(left[1_000]).toBe((1 * 0 + 3 * 150) / 4);
});

it('expects all to be left where no work wants a GPU', () => {
  expect(expectedLeftover([])[700]).toBe(700);
});

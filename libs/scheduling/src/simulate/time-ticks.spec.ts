import { expect, it } from '@jest/globals';
import { timeTicks } from './time-ticks.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const labels = (from: number, to: number, clock = false): string[] =>
  timeTicks(from, to, clock).map(({ label }) => label);

it('tells round times since the beginning', () => {
  expect(labels(7, 7 + 24 * HOUR)).toEqual(['0 h', '6 h', '12 h', '18 h', '24 h']);
  expect(labels(0, 50 * MINUTE)).toEqual(['0 min', '10 min', '20 min', '30 min', '40 min', '50 min']);
  expect(labels(0, 20_000)).toEqual(['0 s', '5 s', '10 s', '15 s', '20 s']);
  expect(labels(0, 400 * 24 * HOUR)).toHaveLength(9);
});

it('tells round times of the clock, with the date at midnight', () => {
  const from = Date.parse('2026-12-01T20:10:00Z');
  expect(labels(from, from + 10 * HOUR, true)).toEqual(['22:00', '2026-12-02', '02:00', '04:00', '06:00']);
  expect(labels(from, from + 12_000, true)).toEqual(['20:10:00', '20:10:05', '20:10:10']);
  expect(timeTicks(from, from + 100 * MINUTE, true)[0]).toEqual({ at: 0.2, label: '20:30' });
});

it('has one for no time at all', () => expect(timeTicks(5, 5, false)).toEqual([{ at: 0, label: '0 s' }]));

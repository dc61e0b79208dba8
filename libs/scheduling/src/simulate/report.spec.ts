import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { columnMeans, type Level } from './level.js';
import { type SimulationResult, simulationReport } from './report.js';

const HOUR = 3_600_000;
const result: SimulationResult = {
  title: 'A day on 40 GPUs',
  parameters: { seed: 7, users: 200 },
  figures: { 'Useless evictions': 0 },
  from: 0,
  to: 24 * HOUR,
  capacity: 40_000,
  allocated: [
    { at: 0, amount: 0 },
    { at: 6 * HOUR, amount: 40_000 },
    { at: 12 * HOUR, amount: 20_000 },
  ],
  unallocated: { fragmented: [{ at: 0, amount: 2_000 }], quota: [{ at: 12 * HOUR, amount: 2_000 }] },
  waits: { live: [0, 0, 400], batch: [5_000, 20_000, 3 * HOUR] },
};

describe('the report of a simulation', () => {
  const page = simulationReport(result);

  it('shows figures, parameters, and a drawing for each curve and class', () => {
    expect(page.match(/<svg /g)).toHaveLength(4);
    for (const text of [
      'Useless evictions',
      '<td>200</td>',
      'fragmented',
      'quota',
      '<h3>live</h3>',
      '<h3>batch</h3>',
    ]) {
      expect(page).toContain(text);
    }
    expect(page).toContain('3 started; half within 20.0 s, 95 % within 3.0 h, all within 3.0 h');
  });

  it('counts each wait in one bar', () => {
    const bars = [...page.matchAll(/<title>(\d+)<\/title><\/rect>/g)].map(([, count]) => Number(count));
    expect(bars).toEqual([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  });

  it('draws the curve to scale: nothing, all, half', () => {
    const points = /class="c0" points="([^"]+)"/.exec(page)?.[1]?.split(' ') ?? [];
    const heights = points.slice(0, 600).map((point) => Number(point.split(',')[1]));
    const [bottom, top] = [Math.max(...heights), Math.min(...heights)];
    expect([heights[0], heights[200], heights[599]]).toEqual([bottom, top, (bottom + top) / 2]);
  });

  it('shows how many wait, up to a round number, and leaves out causes that never were', () => {
    const waiting = { night: [{ at: 0, amount: 48_350 }], people: [] };
    const unallocated = { quota: [{ at: 0, amount: 400 }], reserved: [{ at: 0, amount: 0 }] };
    const told = simulationReport({ ...result, waiting, unallocated });
    expect(told).toContain('<h2>Waiting, by queue</h2>');
    for (const label of ['60000', '15000', 'night']) expect(told).toContain(`>${label}<`);
    expect(told).toContain('quota');
    expect(told).not.toContain('reserved');
  });

  it('asks nothing of anybody: no script, no address', () => {
    expect(page).not.toMatch(/<script|src=|href=|url\(|@import|https?:/i);
  });

  it('takes no markup from what it is given, wherever it stands', () =>
    fc.assert(
      fc.property(
        fc.constantFrom('<script>x</script>', '"><img onerror=x>', "' onload='x", '&lt;b&gt;', '\u0000\u202e'),
        (text) => {
          const told = simulationReport({
            ...result,
            title: text,
            parameters: { [text]: text },
            figures: { [text]: text },
            unallocated: { [text]: [] },
            waits: { [text]: [1] },
          });
          const harmless = simulationReport({
            ...result,
            title: 'T',
            parameters: { P: 'p' },
            figures: { F: 'f' },
            unallocated: { U: [] },
            waits: { W: [1] },
          });
          const tags = (html: string): string[] =>
            (html.match(/<[^>]*>/g) ?? []).map((tag) => tag.replace(/aria-label="[^"]*"/, ''));
          expect(tags(told)).toEqual(tags(harmless));
          expect(told).not.toContain(text);
        },
      ),
    ));

  it('is a page for an empty simulation too', () => {
    const empty = simulationReport({ ...result, allocated: [], unallocated: {}, waits: {} });
    expect(empty).toContain('Nobody started.');
    expect(empty).not.toContain('NaN');
  });
});

describe('means over columns', () => {
  const arbitraryLevels = fc
    .array(fc.record({ at: fc.integer({ min: -20, max: 120 }), amount: fc.integer({ min: 0, max: 9 }) }), {
      maxLength: 15,
    })
    .map((levels): Level[] => levels.sort((a, b) => a.at - b.at));

  it('are what adding up each millisecond gives', () =>
    fc.assert(
      fc.property(arbitraryLevels, (levels) => {
        const at = (time: number): number => levels.findLast((level) => level.at <= time)?.amount ?? 0;
        const means = columnMeans(levels, 0, 100, 20);
        for (const [column, mean] of means.entries()) {
          const sum = [0, 1, 2, 3, 4].reduce((total, tick) => total + at(column * 5 + tick), 0);
          expect(mean).toBeCloseTo(sum / 5);
        }
      }),
    ));
});

import fc from 'fast-check';
import { expectedStart } from './expected-start.js';

const minute = 60_000;
const observed = Array.from({ length: 10 }, (_, index) => (index + 1) * minute);

it('takes the remaining time from those that held their place for longer', () => {
  expect(expectedStart({ observed, elapsed: [0] }, 1, 0)).toEqual({ earliest: 2 * minute, latest: 8 * minute });
  // Of 6 to 10 minutes, less the five that are over.
  expect(expectedStart({ observed, elapsed: [5 * minute] }, 1, 100)).toEqual({
    earliest: 100 + 1 * minute,
    latest: 100 + 4 * minute,
  });
});

it('says nothing without ground', () => {
  expect(expectedStart({ observed: observed.slice(1), elapsed: [0] }, 1, 0)).toBeNull();
  expect(expectedStart({ observed, elapsed: [] }, 1, 0)).toBeNull();
  expect(expectedStart({ observed, elapsed: [11 * minute] }, 1, 0)).toBeNull();
  expect(expectedStart({ observed, elapsed: [0, 0] }, 3, 0)).toBeNull();
});

it('is a band in the future, and no earlier for who stands further back', () =>
  fc.assert(
    fc.property(
      fc.array(fc.nat(10 ** 7), { minLength: 10, maxLength: 50 }),
      fc.array(fc.nat(10 ** 7), { maxLength: 20 }),
      fc.nat(10 ** 12),
      (times, elapsed, now) => {
        const bands = elapsed.map((_, index) => expectedStart({ observed: times, elapsed }, index + 1, now));
        for (const [index, band] of bands.entries()) {
          if (band === null) continue;
          expect(band.earliest).toBeGreaterThan(now - 1);
          expect(band.latest).toBeGreaterThanOrEqual(band.earliest);
          expect(bands[index - 1]?.earliest ?? 0).toBeLessThanOrEqual(band.earliest);
        }
      },
    ),
  ));

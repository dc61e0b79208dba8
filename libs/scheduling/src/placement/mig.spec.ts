import { describe, expect, it } from '@jest/globals';
import { migFits, migFreeMilli, migLegal, migMask, migProfiles } from './mig.js';

const profile = (model: string, name: string) => {
  const found = migProfiles.get(model)?.get(name);
  if (!found) throw new Error(`no ${name} on ${model}`);
  return found;
};

/** The most instances of one profile on an empty device. */
function most(model: string, name: string): number {
  const shape = profile(model, name);
  let [taken, count] = [0, 0];
  for (const start of shape.starts) {
    if (!migLegal(shape, start, taken)) continue;
    taken |= migMask(shape, start);
    count += 1;
  }
  return count;
}

describe('MIG profiles', () => {
  it.each([
    ['A100-40', { '1g.5gb': 7, '1g.10gb': 4, '2g.10gb': 3, '3g.20gb': 2, '4g.20gb': 1, '7g.40gb': 1 }],
    ['A100-80', { '1g.10gb': 7, '1g.20gb': 4, '2g.20gb': 3, '3g.40gb': 2, '4g.40gb': 1, '7g.80gb': 1 }],
    ['H100', { '1g.10gb': 7, '1g.20gb': 4, '2g.20gb': 3, '3g.40gb': 2, '4g.40gb': 1, '7g.80gb': 1 }],
    ['H200', { '1g.18gb': 7, '1g.35gb': 4, '2g.35gb': 3, '3g.71gb': 2, '4g.71gb': 1, '7g.141gb': 1 }],
  ])('fit on %s as often as NVIDIA says', (model, expected) => {
    const names = [...(migProfiles.get(model)?.keys() ?? [])];
    expect(Object.fromEntries(names.map((name) => [name, most(model, name)]))).toEqual(expected);
  });

  it('begin only where they may, and never overlap', () => {
    const half = profile('H200', '3g.71gb');
    expect(migLegal(half, 1, 0)).toBe(false);
    expect(migLegal(half, 4, 0b0000_1111)).toBe(true);
    expect(migLegal(half, 0, 0b0000_1000)).toBe(false);
    // The last slice belongs to no 1g instance: a device of seven of them has memory left that nothing can have.
    expect(migFits(profile('H200', '1g.18gb'), 0b0111_1111)).toBe(false);
    expect(migFits(profile('H200', '2g.35gb'), 0b0011_1111)).toBe(false);
    expect(migFits(profile('H200', '1g.35gb'), 0b0011_1111)).toBe(true);
  });

  it('count as milli by their memory slices', () => {
    expect([0, 0b1, 0b1111, 0b1111_1111].map(migFreeMilli)).toEqual([1000, 875, 500, 0]);
  });
});

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { statementsOf } from './upsert.js';

it('cuts a list into few pieces of few lengths, and loses nothing', () => {
  const lengths = new Set<number>();
  fc.assert(
    fc.property(fc.nat(2_000), (length) => {
      const rows = Array.from({ length }, (_, index) => index);
      const pieces = [...statementsOf(rows)];
      for (const piece of pieces) lengths.add(piece.length);
      expect(pieces.flat()).toEqual(rows);
      expect(pieces.length).toBeLessThanOrEqual(Math.floor(length / 128) + 7);
    }),
  );
  expect([...lengths].every((length) => [1, 2, 4, 8, 16, 32, 64, 128].includes(length))).toBe(true);
});

import { expect, it } from '@jest/globals';
import { together } from './together.js';

it('waits for the rest of what was begun, and throws what the first of it threw', async () => {
  let rest: (() => void) | undefined;
  const late = new Promise<void>((resolve) => {
    rest = resolve;
  }).then(() => Promise.reject(new Error('late, but first in order')));
  let isOver = false;
  const all = together([late, Promise.reject(new Error('early'))]).finally(() => {
    isOver = true;
  });
  all.catch(() => {});
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  rest?.();
  await expect(all).rejects.toThrow('late, but first in order');
});

it('gives what each came to', async () => {
  expect(await together<[number, string, undefined]>([Promise.resolve(1), 'two', undefined])).toEqual([
    1,
    'two',
    undefined,
  ]);
});

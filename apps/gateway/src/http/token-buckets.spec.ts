import { TokenBuckets } from './token-buckets.js';

let now = 0;
const buckets = (perSecond: number, burst: number) => new TokenBuckets(perSecond, burst, () => now);

it('lets a burst through, then the rate, and says when to come back', () => {
  const some = buckets(0.5, 3);
  expect([1, 2, 3, 4].map(() => some.take('ana'))).toEqual([0, 0, 0, 2]);
  now += 1999;
  expect(some.take('ana')).toBe(1);
  now += 1;
  expect(some.take('ana')).toBe(0);
  now += 1_000_000;
  expect([1, 2, 3, 4].map(() => some.take('ana'))).toEqual([0, 0, 0, 2]);
});

it('keeps one caller from taking what is another’s', () => {
  const some = buckets(1, 1);
  expect([some.take('ana'), some.take('ana'), some.take('bob')]).toEqual([0, 1, 0]);
});

it('forgets the caller that was away longest when there are many', () => {
  const some = buckets(1, 1);
  some.take('first');
  some.take('second');
  for (let caller = 0; caller < 9_999; caller += 1) some.take(String(caller));
  expect([some.take('second'), some.take('first')]).toEqual([1, 0]);
});

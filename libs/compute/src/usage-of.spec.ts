import { usageOf } from './usage-of.js';

it('what an agent says of a kernel is in whole milliseconds, though its seconds are no exact ones', () => {
  expect(1.001 * 1000).not.toBe(1001);
  expect(usageOf({ state: 'idle', quietSeconds: 1.001, cpuSeconds: 0.25 })).toEqual({
    state: 'idle',
    quietMs: 1001,
    cpuSeconds: 0.25,
  });
});

it.each([undefined, {}, { state: 'idle', quietSeconds: 'long', cpuSeconds: 0 }])(
  'of %p there is nothing to be said',
  (stats) => {
    expect(usageOf(stats)).toBeUndefined();
  },
);

import { describe, expect, it } from '@jest/globals';
import { aKernel } from '#libs/testing';
import { launchExplanation } from './launch-explanation.js';

const made = aKernel().scheduling;
const place = { node: 'gpu-1', flavor: 'a100', devices: [0], gpuMilli: 1_000, migProfile: null };
const starting = aKernel({ phase: 'launching', admittedAt: 10_000, scheduling: { ...made, place } });
const tenStarts = [...[700, 900, 1_000, 1_100, 1_200], ...[1_300, 1_400, 1_500, 1_600, 30_000]];

describe('a kernel that is starting', () => {
  it('is told where, for how long by now, and when it is likely to be ready', () => {
    const told = launchExplanation(starting, tenStarts, 10_400);
    expect(told).toMatchObject({
      reason: 'launching',
      since: 10_000,
      expectedStart: { earliest: 10_900, latest: 11_600 },
    });
    expect(told.text).toBe(
      'The kernel has its place on gpu-1 and is starting, for 0.4 s now. Kernels of python3 are usually ready 0.9 to 1.6 s after they got their place.',
    );
  });

  it('is compared with those that took as long as it has taken, and told when that is longer than usual', () => {
    const slow = [...tenStarts, ...Array(8).fill(40_000)];
    expect(launchExplanation(starting, slow, 12_000).expectedStart).toEqual({ earliest: 50_000, latest: 50_000 });
    const told = launchExplanation(starting, tenStarts, 12_000);
    expect(told.expectedStart).toBeNull();
    expect(told.text).toMatch(
      /for 2\.0 s now\. That is long: of the last 10 of python3, 9 were ready by then\. It is stopped after \d+ s\.$/,
    );
  });

  it('has no number while the launcher can start none, but what keeps it from that', () => {
    const told = launchExplanation(starting, tenStarts, 10_400, 'The cluster can not be reached.');
    expect(told.expectedStart).toBeNull();
    expect(told.text).toBe(
      'The kernel has its place on gpu-1 and is starting, for 0.4 s now. The cluster can not be reached.',
    );
  });

  it('has no number without ground', () => {
    const told = launchExplanation(starting, tenStarts.slice(0, 7), 10_400);
    expect(told.expectedStart).toBeNull();
    expect(told.text).toMatch(/When it is ready is unknown: too few like it have started here\.$/);
  });

  it('is told of the spare whose place it has, and of no place that only the launcher knows', () => {
    const onSpare = { ...starting, scheduling: { ...made, place, warm: true } };
    expect(launchExplanation(onSpare, [], 10_000)).toMatchObject({
      reason: 'warm-starting',
      text: expect.stringContaining(' A warm kernel is kept for it there, which it takes over if that is ready. '),
    });
    const local = launchExplanation({ ...starting, scheduling: made }, [], 10_000);
    expect(local.text).toMatch(/^The kernel has its place and is starting, for 0\.0 s now\./);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { endRules, planEnd } from './idle-end.js';
import { inUse } from './in-use.js';
import { duration, whyItEnds } from './why-it-ends.js';

const settings = {
  culling: { idleSeconds: 3600, busySeconds: 0, warningSeconds: 300 },
};
const reclaim = { idleSeconds: 600, warningSeconds: 60 };
const since = 1_000_000;
const idle = { state: 'idle', since };

describe('when a kernel ends', () => {
  it('is its limit after the last use; it is warned before, and measured before that', () => {
    const plan = planEnd(endRules(settings, {}, null), idle);
    expect(plan).toMatchObject({ warnAt: since + 3_300_000, measureAt: since + 3_240_000 });
  });

  it('is never for a state without a limit', () => {
    expect(planEnd(endRules(settings, {}, null), { state: 'busy', since })).toBeUndefined();
    expect(planEnd(endRules(settings, { idleSeconds: 0 }, null), idle)).toBeUndefined();
    expect(planEnd(endRules(settings, { idleSeconds: 0 }, null), { state: 'restarting', since })).toBeUndefined();
  });

  it('goes by the kernelspec before the service', () => {
    const rules = endRules(settings, { idleSeconds: 100, busySeconds: 1000 }, null);
    expect(planEnd(rules, idle)).toMatchObject({ warnAt: since + 50_000 });
    expect(planEnd(rules, { state: 'busy', since })).toMatchObject({ warnAt: since + 700_000 });
  });

  it('is the earliest of its reasons', () => {
    expect(planEnd(endRules(settings, {}, reclaim), idle)).toMatchObject({
      rule: { reason: 'reclaimed', warningSeconds: 60 },
      warnAt: since + 600_000,
    });
    const soon = endRules(settings, { idleSeconds: 60 }, reclaim);
    expect(planEnd(soon, idle)?.rule.reason).toBe('culled');
  });

  it('leaves room for measure and warning within the limit, whatever is configured', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 ** 6 }),
        fc.nat(10 ** 6),
        fc.boolean(),
        (idleSeconds, warningSeconds, wanted) => {
          const culling = { idleSeconds, busySeconds: 0, warningSeconds };
          const plan = planEnd(endRules({ ...settings, culling }, {}, wanted ? reclaim : null), idle);
          const { rule, measureAt = 0, warnAt = 0 } = plan ?? {};
          expect(measureAt).toBeGreaterThanOrEqual(since);
          expect(warnAt).toBeGreaterThan(measureAt);
          expect(warnAt + (rule?.warningSeconds ?? 0) * 1000).toBeCloseTo(since + (rule?.limitSeconds ?? 0) * 1000);
        },
      ),
    ));
});

describe('use of the processor', () => {
  const at = (seconds: number, cpuSeconds: number) => ({ at: seconds * 1000, cpuSeconds });

  it('counts above the share of one core', () => {
    expect(inUse(at(0, 5), at(60, 6.1), 2)).toBe(false);
    expect(inUse(at(0, 5), at(60, 6.3), 2)).toBe(true);
    expect(inUse(at(0, 5), at(60, 65), 0)).toBe(false);
  });

  it('of a new process counts, whose time begins anew', () => {
    expect(inUse(at(0, 5), at(60, 0.3), 2)).toBe(true);
  });
});

it.each([
  [0, '0 seconds'],
  [1, '1 second'],
  [61, '1 minute 1 second'],
  [3600, '1 hour'],
  [7325, '2 hours 2 minutes'],
])('says %d seconds as %s', (seconds, text) => expect(duration(seconds)).toBe(text));

it('says why', () => {
  const [rule] = endRules(settings, {}, null);
  if (rule) expect(whyItEnds(rule, 3_300_000, 'has')).toBe('It has been idle for 55 minutes; the limit is 1 hour.');
  const [, wanted] = endRules(settings, {}, reclaim);
  if (wanted) {
    expect(whyItEnds(wanted, 660_000, 'had')).toBe('Others waited for its place, and it had been idle for 11 minutes.');
  }
});

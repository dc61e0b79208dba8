import fc from 'fast-check';
import type { Kernel } from '#libs/contracts';
import { aSubmission } from '#libs/testing';
import { cullPlan } from './cull-plan.js';
import { queuedKernel } from './kernel-transition.js';

const kernel = (changes: Partial<Kernel>): Kernel => ({
  ...queuedKernel(aSubmission(), 0),
  phase: 'ready',
  ...changes,
});
const rules = { idleSeconds: 100, busySeconds: 0, warningSeconds: 30 };

it('counts from the last activity, by what the kernel does', () => {
  const idle = kernel({ executionState: 'idle', lastActivityAt: 50_000 });
  expect(cullPlan(idle, rules, 0)).toEqual({ warnAt: 120_000, endAt: 150_000 });
  const busy = kernel({ executionState: 'busy', lastActivityAt: 50_000 });
  expect(cullPlan(busy, rules, 0)).toBeNull();
  expect(cullPlan(busy, { ...rules, busySeconds: 10 }, 0)).toEqual({ warnAt: 55_000, endAt: 60_000 });
});

it.each(['queued', 'starting', 'stopping', 'ended'] as const)('leaves a kernel alone that is %s', (phase) => {
  expect(cullPlan(kernel({ phase, executionState: 'idle' }), rules, 0)).toBeNull();
});

it('gives the whole warning, whatever was missed while the service was away', () =>
  fc.assert(
    fc.property(
      fc.nat(10 ** 9),
      fc.nat(10 ** 9),
      fc.nat(10 ** 5),
      fc.nat(10 ** 5),
      (lastActivityAt, since, idle, warn) => {
        const idleRules = { idleSeconds: idle + 1, busySeconds: 0, warningSeconds: warn };
        const plan = cullPlan(kernel({ executionState: 'idle', lastActivityAt }), idleRules, since);
        const warning = Math.min(warn, (idle + 1) / 2) * 1000;
        expect(plan?.endAt).toBeGreaterThanOrEqual(since + warning);
        expect(plan?.endAt).toBeGreaterThanOrEqual(lastActivityAt + (idle + 1) * 1000);
        expect((plan?.endAt ?? 0) - (plan?.warnAt ?? 0)).toBeCloseTo(warning);
      },
    ),
  ));

import type { CullLimits, EndReason } from '#libs/contracts';

/** When a kernel that is left alone ends. */
export interface EndRule {
  reason: Extract<EndReason, 'culled' | 'reclaimed'>;
  state: 'idle' | 'busy';
  /** In this state for so long, warning included. */
  limitSeconds: number;
  warningSeconds: number;
}

/** How a kernel was found: in this state, with nothing new, since then (ms since the epoch). */
export interface Found {
  state: string;
  since: number;
}

/** The next looks at a kernel. Its use is measured between the first two, and until the end. */
export interface EndPlan {
  rule: EndRule;
  measureAt: number;
  warnAt: number;
}

interface Settings {
  culling: { idleSeconds: number; busySeconds: number; warningSeconds: number };
}

/** Over which the CPU time of an idle kernel is measured, milliseconds; less where the limit is short. */
const MEASURE_MS = 60_000;

/**
 * What ends a kernel of a kernelspec with these limits of its own. A warning takes half of a limit at most.
 *
 * @param reclaim  when its place is to be had for one that waits; null: nobody wants it
 */
export function endRules(
  { culling }: Settings,
  own: CullLimits,
  reclaim: { idleSeconds: number; warningSeconds: number } | null,
): EndRule[] {
  const limits = { idle: own.idleSeconds ?? culling.idleSeconds, busy: own.busySeconds ?? culling.busySeconds };
  const rules: EndRule[] = [];
  for (const state of ['idle', 'busy'] as const) {
    const limitSeconds = limits[state];
    const warningSeconds = Math.min(culling.warningSeconds, limitSeconds / 2);
    if (limitSeconds > 0) rules.push({ reason: 'culled', state, limitSeconds, warningSeconds });
  }
  if (reclaim) {
    const { idleSeconds, warningSeconds } = reclaim;
    rules.push({ reason: 'reclaimed', state: 'idle', limitSeconds: idleSeconds + warningSeconds, warningSeconds });
  }
  return rules;
}

/** The rule that would end the kernel first, and when; undefined where none does in its state. */
export function planEnd(rules: readonly EndRule[], { state, since }: Found): EndPlan | undefined {
  return rules
    .filter((rule) => rule.state === state)
    .map((rule): EndPlan => {
      const limitMs = rule.limitSeconds * 1000;
      const warnAt = since + limitMs - rule.warningSeconds * 1000;
      return { rule, warnAt, measureAt: warnAt - Math.min(MEASURE_MS, limitMs / 4) };
    })
    .sort((a, b) => a.warnAt - b.warnAt)[0];
}

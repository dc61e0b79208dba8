import type { WaitReason } from '../core/actions.js';
import type { CoreReason } from '../core/core.js';
import { AXES } from '../core/model.js';
import type { Pool } from '../core/pool.js';
import type { FullState } from '../core/state.js';

/** Why capacity is not allocated. */
export const CAUSES = [
  'nobody asks',
  'reserved',
  'on its way to who goes first',
  'fragmented',
  'kept for the next in line',
  'quota, cap or hold',
] as const;
export type Cause = (typeof CAUSES)[number];

/** What comes of one resource of all flavors, in its unit. */
export interface Allocation {
  total: number;
  allocated: number;
  readonly by: Record<Cause, number>;
}

const NEXT = 'kept for the next in line';
const BY_REASON: Partial<Record<WaitReason['code'], Cause>> = {
  Fragmented: 'fragmented',
  QuotaWait: 'quota, cap or hold',
  UserCap: 'quota, cap or hold',
  QueueHeld: 'quota, cap or hold',
  Deactivated: 'quota, cap or hold',
  ReservedFor: 'reserved',
};
const STRENGTH: readonly Cause[] = ['fragmented', NEXT, 'reserved', 'quota, cap or hold'];

/** After a step, of GPUs and of CPUs: what is reserved or promised first, then by why those wait that wait for it. */
export function allocationsOf(state: FullState, reasons: readonly CoreReason[]): [gpu: Allocation, cpu: Allocation] {
  const causes = [causesByFlavor(state, reasons, GPU), causesByFlavor(state, reasons, CPU)] as const;
  const sums: [Allocation, Allocation] = [
    { total: 0, allocated: 0, by: zeros() },
    { total: 0, allocated: 0, by: zeros() },
  ];
  for (const [flavor, pool] of state.pools) {
    const booked = bookedOf(state, pool);
    for (const axis of [GPU, CPU] as const) {
      const sum = sums[axis];
      let free = pool.total[axis] ?? 0;
      sum.total += free;
      const take = (amount: number): number => {
        const taken = Math.max(0, Math.min(free, amount));
        free -= taken;
        return taken;
      };
      sum.allocated += take(booked.runs[axis]);
      sum.by['on its way to who goes first'] += take(booked.handed[axis]);
      sum.by['reserved'] += take(reservedOf(pool, state.now, axis));
      sum.by[causes[axis].get(flavor) ?? 'nobody asks'] += free;
    }
  }
  return sums;
}

const [GPU, CPU] = [0, 1] as const;
type Two = [gpu: number, cpu: number];

/** What runs, and what has left or is free and is kept for who made room. */
function bookedOf({ running, nominations }: FullState, { flavor, booked }: Pool): { runs: Two; handed: Two } {
  const [runs, handed]: [Two, Two] = [
    [0, 0],
    [0, 0],
  ];
  for (const one of booked.values()) {
    const into = running.get(one.workload.id) === one ? runs : handed;
    into[GPU] += one.amounts[GPU] ?? 0;
    into[CPU] += one.amounts[CPU] ?? 0;
  }
  for (const one of nominations.values()) {
    if (one.flavor !== flavor) continue;
    handed[GPU] += one.more[GPU] ?? 0;
    handed[CPU] += one.more[CPU] ?? 0;
  }
  return { runs, handed };
}

const zeros = (): Record<Cause, number> =>
  Object.fromEntries(CAUSES.map((cause) => [cause, 0])) as Record<Cause, number>;

/** What is kept now and not used by its owner. */
function reservedOf({ reservations, booked }: Pool, now: number, axis: number): number {
  let sum = 0;
  for (const { id, from, to, amounts } of reservations) {
    if (now < from || now >= to) continue;
    let left = amounts[AXES[axis] as (typeof AXES)[number]];
    for (const one of booked.values()) if (one.reservation === id && !one.lent) left -= one.amounts[axis] as number;
    sum += Math.max(0, left);
  }
  return sum;
}

/** The strongest cause among those who wait for the resource on a flavor. */
function causesByFlavor(state: FullState, reasons: readonly CoreReason[], axis: number): Map<string, Cause> {
  const found = new Map<string, Cause>();
  for (const line of state.waiting.lines.values())
    for (const { amounts, flavors } of line.asks.values())
      if ((amounts[axis] as number) > 0) for (const flavor of flavors) found.set(flavor, 'quota, cap or hold');
  for (const { id, reason } of reasons) {
    const group = state.waiting.get(id)?.group;
    if (!group || (group.ask.amounts[axis] as number) === 0) continue;
    const cause = BY_REASON[reason.code] ?? NEXT;
    for (const flavor of 'flavor' in reason ? [reason.flavor] : group.ask.flavors) {
      const before = found.get(flavor);
      if (before === undefined || STRENGTH.indexOf(cause) < STRENGTH.indexOf(before)) found.set(flavor, cause);
    }
  }
  return found;
}

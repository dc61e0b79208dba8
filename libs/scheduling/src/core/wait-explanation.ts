import type { KernelId, WaitExplanation } from '#libs/contracts';
import { bandText } from '../band-text.js';
import { expectedStart, type Ground } from '../expected-start.js';
import type { WaitReason } from './actions.js';
import { amountText } from './amount-text.js';
import { amountsOf } from './amounts-of.js';
import { type Explanation, explain } from './explain.js';
import { AXES, type CoreWorkload } from './model.js';
import { neverFitsText } from './never-fits-text.js';
import type { FullState } from './state.js';

/**
 * Why a workload waits, for people and programs: where it stands, what it waits for, when it is thought to start, and what
 * would start it now.
 *
 * @param known  what would start it, where that was found lately; undefined: is looked for, by dry runs
 * @returns null where it does not wait
 */
export function waitExplanation(
  state: FullState,
  id: KernelId,
  ground: Ground,
  now: number,
  known?: string | null,
): WaitExplanation | null {
  const workload = state.waiting.get(id)?.workload;
  const found = explain(state, id, known);
  if (!found || !workload) return null;
  const { reason, position, of, holders, change } = found;
  const start = startOf(state, id, found, ground, now);
  const expected = isForTime(reason) ? ` Expected start: ${bandText(start, now)}.` : '';
  const text = `Queued: position ${position} of ${of}. ${why(state, workload, found)}${expected}${change === null ? '' : ` ${change}`}`;
  const missing =
    'missing' in reason ? { flavor: reason.flavor, resource: reason.axis, amount: reason.missing } : undefined;
  return {
    ...{ position, of, reason: CODES[reason.code], text, expectedStart: start, holders },
    ...(missing ? { missing } : {}),
    ...(change === null ? {} : { change }),
  };
}

const CODES: Record<WaitReason['code'], WaitExplanation['reason']> = {
  Deactivated: 'deactivated',
  QueueHeld: 'queue-held',
  NeverFits: 'never-fits',
  NoFlavor: 'no-flavor',
  UserCap: 'user-cap',
  QuotaWait: 'quota-wait',
  ReservedFor: 'reserved-for',
  BehindHead: 'behind-head',
  Fragmented: 'fragmented',
  Capacity: 'capacity',
  Evicting: 'evicting',
  NotYetLooked: 'not-yet-looked',
};

/** Whether it only has to wait: others are for somebody to change. */
const isForTime = ({ code }: WaitReason): boolean =>
  !['Deactivated', 'QueueHeld', 'NeverFits', 'NoFlavor', 'UserCap'].includes(code);

function startOf(state: FullState, id: KernelId, found: Explanation, ground: Ground, now: number) {
  const { reason, earliest, ahead } = found;
  if (!isForTime(reason)) return null;
  if (reason.code === 'Evicting') return { earliest: now, latest: Math.max(now, reason.at) };
  if (earliest !== null) return { earliest: now, latest: earliest };
  const flavor = 'flavor' in reason ? reason.flavor : undefined;
  const pool = flavor === undefined ? undefined : state.pools.get(flavor);
  const own = state.waiting.get(id)?.workload;
  if (!pool || !own) return null;
  const places = [...pool.nodes.all()].reduce((sum, { spec }) => sum + (spec.places ?? Infinity), 0);
  const withPlace = (amounts: readonly number[]): number[] => [...amounts, 1];
  const before = ahead.flatMap((one) => {
    const workload = state.waiting.get(one)?.workload;
    return workload?.flavors.includes(pool.flavor) ? [withPlace(amountsOf(workload.request))] : [];
  });
  const running = [...pool.booked.values()].map(({ workload, amounts }) => ({
    id: workload.id,
    amounts: withPlace(amounts),
  }));
  return expectedStart(
    { capacity: [...pool.total, places], running },
    before,
    withPlace(amountsOf(own.request)),
    ground,
    now,
  );
}

function why(state: FullState, workload: CoreWorkload, { reason, ahead, holders }: Explanation): string {
  switch (reason.code) {
    case 'Deactivated':
      return 'Its queue or its priority class is not configured any more.';
    case 'QueueHeld':
      return 'Its queue is held by an admin: nothing of it starts until it is opened again.';
    case 'NeverFits':
      return `It ${neverFitsText(state, workload, reason)}.`;
    case 'NoFlavor':
      return 'None of the hardware that it may run on is here now.';
    case 'UserCap':
      return reason.asked > reason.limit ? `It ${neverFitsText(state, workload, reason)}.` : capped(reason);
    case 'QuotaWait':
      return `Its queue ${reason.queue} has used up its share of ${reason.flavor}: ${amountText(reason.axis, reason.missing)} lack.`;
    case 'ReservedFor':
      return `What is free of ${reason.flavor} is reserved until ${new Date(reason.until).toISOString()}.`;
    case 'BehindHead':
      return `The first in the queue needs more of ${reason.flavor} than is free; this one starts ${turn(Math.max(1, ahead.length))}.`;
    case 'Fragmented':
      return `Enough of ${reason.flavor} is free in all, but on no single node.`;
    case 'Capacity':
      return shortage(
        state,
        reason,
        ahead.length,
        holders.map(({ user }) => user),
      );
    case 'Evicting':
      return `Others give it their place${reason.victims.length === 0 ? '' : ` (${reason.victims.length} to go)`}.`;
    case 'NotYetLooked':
      return 'It starts as soon as the scheduler has looked at it.';
  }
}

function capped({ of, name, axis, limit }: Extract<WaitReason, { code: 'UserCap' }>): string {
  const what =
    axis === 'workloads'
      ? `as many kernels as one ${of} may have at once (${limit})`
      : `as much as one ${of} may have at once (${amountText(axis, limit)})`;
  return of === 'user'
    ? `You have ${what}; shut one down to start this one.`
    : `Your ${of} ${name} has ${what}; one of its kernels has to end first.`;
}

function shortage(
  state: FullState,
  { flavor, axis, missing }: Extract<WaitReason, { code: 'Capacity' }>,
  ahead: number,
  holders: readonly string[],
): string {
  const after = ahead === 0 ? '' : ` ${turn(ahead)}`;
  const pool = state.pools.get(flavor);
  if (axis === 'places') {
    const places = [...(pool?.nodes.all() ?? [])].reduce((sum, { spec }) => sum + (spec.places ?? 0), 0);
    const taken = places === 1 ? 'The one kernel place is' : `All ${places} kernel places are`;
    return `${taken} taken; the next free place is yours${after}.`;
  }
  const all = pool?.total[AXES.indexOf(axis)] ?? 0;
  const most = holders.length === 0 ? '' : ` Most is held by ${holders.join(', ')}.`;
  return `${amountText(axis, missing)} more than is free, of ${amountText(axis, all)}, are needed; it starts when enough is free${after}.${most}`;
}

const turn = (ahead: number): string => `after ${ahead} ${ahead === 1 ? 'other' : 'others'}`;

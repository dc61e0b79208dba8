import type { WaitReason } from './actions.js';
import { barred, isRoom, roomOn } from './attempt.js';
import { cheapestChange } from './cheapest-change.js';
import { tellingReason } from './cycle.js';
import { Heads } from './heads.js';
import type { Pending } from './line.js';
import type { FullState } from './state.js';
import { compareTurns, type Turn, turnOf } from './turn.js';

/** Who holds most of what one waits for. */
export interface Holder {
  user: string;
  /** Of the axis that counts most, in its unit. */
  amount: number;
  workloads: number;
}

export interface Explanation {
  reason: WaitReason;
  /** In its queue, 1 is next. */
  position: number;
  of: number;
  /** Of the flavor that it waits for, three at most. */
  holders: Holder[];
  /** By wall limits and leases, where nothing but capacity lacks; null: nothing grounds one. */
  earliest: number | null;
  /** A sentence on what would start it now; null: nothing that was tried. */
  change: string | null;
  /** Those of its queue that go before it. */
  ahead: string[];
}

/**
 * Why one waits. Changes nothing.
 *
 * @param change  what would start it, where that was found lately; undefined: is looked for
 * @returns undefined where it does not wait
 */
export function explain(state: FullState, id: string, change?: string | null): Explanation | undefined {
  const pending = state.waiting.get(id);
  if (!pending) return undefined;
  const reason = reasonOf(state, pending);
  const ahead = aheadOf(state, pending);
  return {
    reason,
    position: ahead.length + 1,
    of: pending.group.ask.line.size,
    holders: holdersOf(state, pending, 'flavor' in reason ? reason.flavor : undefined),
    earliest: earliestOf(state, pending, reason),
    change: change === undefined ? cheapestChange(state, pending, reason) : change,
    ahead,
  };
}

/** As the next cycle would find it, behind those heads that the last one protected. */
function reasonOf(state: FullState, pending: Pending): WaitReason {
  const { id } = pending.workload;
  const nomination = state.nominations.get(id);
  if (nomination) {
    const at = nomination.victims.map((one) => state.running.get(one)?.leaving?.at ?? 0);
    return { code: 'Evicting', victims: nomination.victims, at: Math.max(state.now, ...at) };
  }
  const against = barred(state, pending);
  if (against) return against;
  const pools = pending.group.ask.flavors.flatMap((flavor) => state.pools.get(flavor) ?? []);
  const refusals = [];
  for (const pool of pools.filter(({ nodes }) => nodes.size > 0)) {
    const { promised } = pool;
    const heads = new Heads(pool, 0, state.now, (one) => one !== id && state.waiting.get(one) !== undefined, true);
    try {
      const answer = roomOn(state, pending, pool, undefined);
      // Heads that are not protected yet go before it all the same.
      if (isRoom(answer)) return behind(state, pending) ?? { code: 'NotYetLooked' };
      refusals.push(answer);
    } finally {
      heads.settle();
      pool.promised = promised;
    }
  }
  return tellingReason(refusals);
}

/** One that has room, but whose like wait before it. */
function behind({ waiting }: FullState, { group, workload }: Pending): WaitReason | undefined {
  const first = group.byAge.first();
  if (!first || first.workload.id === workload.id || !waiting.get(first.workload.id)) return undefined;
  const [flavor] = group.ask.flavors;
  return flavor === undefined ? undefined : { code: 'BehindHead', flavor, head: first.workload.id, shadow: null };
}

function aheadOf(state: FullState, pending: Pending): string[] {
  const own = turnOf(state, pending);
  const before: Turn[] = [];
  for (const ask of pending.group.ask.line.asks.values())
    for (const group of ask.groups.values())
      for (const other of group.byAge) {
        const turn = turnOf(state, other);
        if (other !== pending && compareTurns(turn, own) < 0) before.push(turn);
      }
  return before.sort(compareTurns).map((turn) => turn.pending.workload.id);
}

function holdersOf({ pools }: FullState, { group }: Pending, flavor: string | undefined): Holder[] {
  const pool = pools.get(flavor ?? group.ask.flavors[0] ?? '');
  if (!pool) return [];
  // What is scarce: GPUs where it asks for one.
  const axis = (group.ask.amounts[0] as number) > 0 ? 0 : 1;
  const holders = new Map<string, Holder>();
  for (const { workload, amounts } of pool.booked.values()) {
    const holder = holders.get(workload.user) ?? { user: workload.user, amount: 0, workloads: 0 };
    holder.amount += amounts[axis] as number;
    holder.workloads += 1;
    holders.set(workload.user, holder);
  }
  const most = [...holders.values()].sort((a, b) => b.amount - a.amount || (a.user < b.user ? -1 : 1));
  return most.slice(0, 3);
}

/** Only where wall limits ground it: a lease is renewed. */
function earliestOf({ pools }: FullState, { group, durationMs }: Pending, reason: WaitReason): number | null {
  if (!('shadow' in reason) || reason.shadow === null) return null;
  const pool = pools.get(reason.flavor);
  if (!pool) return null;
  const grounded = [...pool.booked.values()].every(({ workload }) => workload.wallMs !== null);
  return grounded ? (pool.profile.earliestStart(group.ask.amounts, durationMs) ?? null) : null;
}

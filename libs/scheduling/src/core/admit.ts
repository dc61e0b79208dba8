import { FOREVER } from '../backfill/capacity-profile.js';
import type { CoreAction, LineReason, WaitReason } from './actions.js';
import { amountsOf } from './amounts-of.js';
import type { Line } from './lines.js';
import type { ClassConfig, CoreWorkload, QueueConfig } from './model.js';
import { compareKeys, effectiveRank, type OrderKey } from './order.js';
import { headHold, type Pool } from './pool.js';
import type { FullState } from './state.js';

/** One cycle of admission: the state, and what the cycle has found out so far. */
interface Cycle {
  readonly state: FullState;
  readonly capacity: readonly number[];
  readonly actions: CoreAction[];
  /** Protected heads, by flavor. */
  readonly heads: Map<string, string[]>;
  /** When something may change though nothing happens. */
  readonly alarms: number[];
}

/**
 * Starts, in order, all that may start. One that waits for capacity is protected, up to `protectedHeads` per flavor: who
 * comes after it starts only where the head's earliest start by wall limits and leases does not move (EASY).
 */
export function admit(state: FullState, actions: CoreAction[]): { reasons: LineReason[]; alarms: number[] } {
  const cycle: Cycle = { state, capacity: state.capacity(), actions, heads: new Map(), alarms: [] };
  const reasons: LineReason[] = [];
  let open = state.lines.all().map((line) => ({ line, key: keyOf(cycle, line) }));
  try {
    while (open.length > 0) {
      const first = open.reduce((best, one) => (compareKeys(one.key, best.key) < 0 ? one : best));
      const { line } = first;
      const head = line.workloads[0] as CoreWorkload;
      const reason = attempt(cycle, head);
      if (reason) {
        reasons.push({ id: head.id, behind: line.workloads.length - 1, reason });
        open = open.filter((one) => one !== first);
        continue;
      }
      // Shares have changed.
      open = open
        .filter(({ line: { workloads } }) => workloads.length > 0)
        .map((one) => ({ line: one.line, key: keyOf(cycle, one.line) }));
    }
  } finally {
    for (const [flavor, ids] of cycle.heads) for (const id of ids) state.pool(flavor).profile.release(headHold(id));
  }
  return { reasons, alarms: cycle.alarms };
}

function keyOf({ state, capacity, alarms }: Cycle, { workloads }: Line): OrderKey {
  const workload = workloads[0] as CoreWorkload;
  const { id, queue, user, offset, submittedAt } = workload;
  const own = classOf(state, workload);
  const raise = own && effectiveRank(own, state.config.classes, state.now - submittedAt);
  if (raise && raise.raisedAfterMs !== null) alarms.push(submittedAt + raise.raisedAfterMs);
  const amounts = amountsOf(workload.request);
  return {
    owns: workload.flavors.some((flavor) => reservationOf(state, workload, flavor) !== null),
    rank: raise?.rank ?? -1,
    borrows: !workload.flavors.some((flavor) => state.ledger.fitsQuota(queue, flavor, amounts) === 'nominal'),
    shares: state.shares.pathShares(queue, capacity),
    usage: state.shares.userShare(queue, user, capacity),
    ...{ offset, submittedAt, id },
  };
}

/** Undefined: it has started. */
function attempt(cycle: Cycle, workload: CoreWorkload): WaitReason | undefined {
  const { state } = cycle;
  const queue = state.queue(workload.queue);
  const own = classOf(state, workload);
  if (!queue || !own) return { kind: 'deactivated' };
  if (queue.state !== 'open') return { kind: 'queue-held' };
  const flavors = workload.flavors.filter((flavor) => (state.pools.get(flavor)?.nodes.size ?? 0) > 0);
  if (flavors.length === 0) return { kind: 'no-flavor' };
  const amounts = amountsOf(workload.request);
  if (!flavors.some((flavor) => state.ledger.everFits(queue.name, flavor, amounts))) return { kind: 'never-fits' };
  const of = cappedBy(state, queue, workload, amounts[0] as number);
  if (of) return { kind: 'user-cap', of };
  const refusals: WaitReason[] = [];
  for (const flavor of flavors) {
    const refused = attemptFlavor(cycle, workload, own, flavor);
    if (!refused) return undefined;
    refusals.push(refused);
  }
  // The one that is nearest to a start says most.
  const nearest = (['behind-head', 'fragmented', 'capacity-wait'] as const).flatMap((kind) =>
    refusals.filter((refusal) => refusal.kind === kind),
  );
  return nearest[0] ?? refusals[0];
}

function attemptFlavor(cycle: Cycle, workload: CoreWorkload, own: ClassConfig, flavor: string): WaitReason | undefined {
  const { state, actions } = cycle;
  const { now, ledger } = state;
  const amounts = amountsOf(workload.request);
  const quota = ledger.fitsQuota(workload.queue, flavor, amounts);
  if (typeof quota !== 'string') return { kind: 'quota-wait', flavor, ...quota };
  const pool = state.pool(flavor);
  const durationMs = Math.max(1, workload.wallMs ?? own.leaseMs);
  const reservation = reservationOf(state, workload, flavor);
  const placement = pool.nodes.place(pool.nodes.shape(workload.request));
  const { fits, at } = pool.withReservation(reservation, () => {
    const fits = pool.profile.fits(amounts, durationMs);
    if (fits && placement) return { fits, at: now };
    const from = fits ? (pool.profile.changeAfter(now) ?? FOREVER) : now;
    return { fits, at: pool.profile.earliestStart(amounts, durationMs, from) };
  });
  if (fits && placement) {
    state.lines.remove(workload.id);
    state.book({ workload, flavor, placement, amounts, startedAt: now, until: now + durationMs, reservation });
    state.shares.started(workload.queue, workload.user, flavor, amounts);
    actions.push({ kind: 'start', id: workload.id, node: placement.node, devices: placement.devices, flavor });
    return undefined;
  }
  protect(cycle, pool, workload.id, { amounts, from: at, durationMs });
  const earliest = at ?? null;
  if (placement) {
    // Who is protected, and from when, may change with what is thought to end and with past usage.
    cycle.alarms.push(pool.profile.changeAfter(now) ?? FOREVER, state.shares.nextSampleAt());
    return { kind: 'behind-head', flavor, earliest };
  }
  return fits ? { kind: 'fragmented', flavor } : { kind: 'capacity-wait', flavor, earliest };
}

/** One that can't start at all as things are protects nothing. */
function protect(
  { state, heads, alarms }: Cycle,
  { flavor, profile }: Pool,
  id: string,
  { amounts, from, durationMs }: { amounts: readonly number[]; from: number | undefined; durationMs: number },
): void {
  const ids = heads.get(flavor) ?? [];
  if (from === undefined || ids.length >= state.config.protectedHeads) return;
  heads.set(flavor, [...ids, id]);
  alarms.push(from);
  profile.hold(headHold(id), { amounts, from, to: from + durationMs, lapses: true });
}

function cappedBy(
  state: FullState,
  queue: QueueConfig,
  workload: CoreWorkload,
  gpuMilli: number,
): 'user' | 'project' | undefined {
  for (const kind of ['user', 'project'] as const) {
    const cap = kind === 'user' ? queue.perUser : queue.perProject;
    const holds = state.holding(queue.name, kind, workload[kind]);
    if (holds.workloads + 1 > (cap.workloads ?? Infinity)) return kind;
    if (gpuMilli > 0 && holds.gpuMilli + gpuMilli > (cap.gpuMilli ?? Infinity)) return kind;
  }
  return undefined;
}

/** The reservation of that flavor that runs now and is its. */
function reservationOf({ config, now }: FullState, workload: CoreWorkload, flavor: string): string | null {
  const own = config.reservations.find(
    ({ flavor: of, owner, from, to }) =>
      of === flavor && from <= now && now < to && workload[owner.kind] === owner.name,
  );
  return own?.id ?? null;
}

const classOf = ({ config }: FullState, workload: CoreWorkload): ClassConfig | undefined =>
  config.classes.find(({ name }) => name === workload.class);

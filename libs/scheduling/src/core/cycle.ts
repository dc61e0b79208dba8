import type { CoreAction, WaitReason } from './actions.js';
import { amountsOf } from './amounts-of.js';
import { barred, isRoom, type NoRoom, type Room, roomOn } from './attempt.js';
import { Heads } from './heads.js';
import type { Pending } from './line.js';
import { dissolve } from './nominate.js';
import type { FullState } from './state.js';

/** Why one waits, for it and all that are alike in what was asked. */
export interface Refused {
  readonly pending: Pending;
  readonly reason: WaitReason;
}

/** One cycle of admission: what it has found out so far. */
export class Cycle {
  readonly heads = new Map<string, Heads>();
  readonly refused: Refused[] = [];

  constructor(
    readonly state: FullState,
    readonly actions: CoreAction[],
  ) {
    const { config, now, waiting } = state;
    for (const [flavor, pool] of state.pools) {
      if (pool.nodes.size === 0) continue;
      this.heads.set(flavor, new Heads(pool, config.protectedHeads, now, (id) => waiting.get(id) !== undefined));
    }
  }

  /** Whose turn it is; undefined: nobody is left who could become a head. */
  first(): Pending | undefined {
    return this.state.ranking.first((flavors) => this.#isOpen(flavors));
  }

  /**
   * Starts it where it has room, on the first of its flavors that has.
   *
   * @param inTurn  its turn has come in the order; else it may only fill what the heads leave
   */
  attempt(pending: Pending, inTurn: boolean): WaitReason | NoRoom[] | undefined {
    const { state } = this;
    const against = barred(state, pending);
    if (against) return against;
    const refusals: NoRoom[] = [];
    for (const flavor of pending.group.ask.flavors) {
      const [pool, heads] = [state.pools.get(flavor), this.heads.get(flavor)];
      if (!pool || !heads) continue;
      const answer = roomOn(state, pending, pool, inTurn && !heads.complete ? heads : undefined);
      if (isRoom(answer)) {
        start(state, pending, answer, this.actions);
        return undefined;
      }
      refusals.push(answer);
    }
    return refusals;
  }

  /** One whose turn has come must wait: it is protected on the flavor on which it has room first. */
  wait(pending: Pending, refusals: readonly NoRoom[]): void {
    const { ranking } = this.state;
    this.refused.push({ pending, reason: tellingReason(refusals) });
    const short = refusals.filter(({ capacity }) => capacity !== undefined);
    if (short.length === 0) {
      ranking.closeAsk(pending.group.ask);
      return;
    }
    const open = short.filter(({ flavor }) => !this.heads.get(flavor)?.complete);
    const when = ({ capacity }: NoRoom): number => capacity?.at ?? Infinity;
    const first = open.reduce<NoRoom | undefined>(
      (best, one) => (best && when(best) <= when(one) ? best : one),
      undefined,
    );
    const heads = first && this.heads.get(first.flavor);
    if (first?.capacity && heads) {
      heads.mustWait(pending, pending.group.ask.amounts, first.capacity.at, first.capacity.fragmented);
    }
    // Nothing behind it in its group gets more than it where nothing is protected.
    if (
      this.state.config.protectedHeads === 0 &&
      short.every(({ reason }) => reason.code !== 'BehindHead' && reason.code !== 'ReservedFor')
    )
      ranking.closeAsk(pending.group.ask);
    else ranking.pass(pending);
  }

  settle(): void {
    for (const heads of this.heads.values()) heads.settle();
    this.state.ranking.restore();
  }

  /** A flavor that has all its heads lets those behind fill only what they leave. */
  #isOpen(flavors: readonly string[]): boolean {
    let known = false;
    for (const flavor of flavors) {
      const heads = this.heads.get(flavor);
      if (heads && !heads.complete) return true;
      known ||= heads !== undefined;
    }
    // What has no nodes at all is to be told so.
    return !known;
  }
}

/** The one that is nearest to a start says most. */
export function tellingReason(refusals: readonly NoRoom[]): WaitReason {
  for (const code of ['BehindHead', 'ReservedFor', 'Fragmented', 'Capacity'] as const) {
    const found = refusals.find(({ reason }) => reason.code === code);
    if (found) return found.reason;
  }
  return refusals[0]?.reason ?? { code: 'NotYetLooked' };
}

export function start(state: FullState, { workload }: Pending, room: Room, actions: CoreAction[]): void {
  const { flavor, placement, until, reservation, lent, clippedBy } = room;
  dissolve(state, workload.id, actions);
  state.waiting.remove(workload.id);
  state.grudges.delete(workload.id);
  const amounts = amountsOf(workload.request);
  const fresh = { idleSince: null, kept: false, leaving: null };
  const running = { workload, flavor, placement, amounts, startedAt: state.now, until, reservation, ...fresh };
  const warm = state.spares.taken(workload, flavor, placement.node);
  state.book({ ...running, lent: lent && reservation !== null, clippedBy }, true);
  const { node, devices, mig } = placement;
  actions.push({
    ...{ kind: 'start', id: workload.id, flavor, node, devices },
    ...(mig ? { migStart: mig.start } : {}),
    ...(warm ? { warm } : {}),
  });
}

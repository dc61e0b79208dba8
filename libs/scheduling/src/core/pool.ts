import type { Amounts } from '../backfill/amounts.js';
import { CapacityProfile } from '../backfill/capacity-profile.js';
import { NodeSet } from '../placement/node-set.js';
import type { NodeAvailability, NodeSpec } from '../placement/node-state.js';
import type { PlacementPolicy } from '../placement/placement-policy.js';
import type { Shape, ShapeRequest } from '../placement/shape.js';
import type { TypicalSet } from '../placement/typical-set.js';
import { amountsOfNode } from './amounts-of.js';
import { AXES, type CoreWorkload, type ReservationConfig } from './model.js';
import type { Promised } from './promised.js';
import type { Running } from './running.js';

/** The nodes of one flavor, what is booked on them, and what of them is free when. */
export class Pool {
  readonly nodes: NodeSet;
  /** All that is booked: what runs, and what has gone and is kept for who made it go. */
  readonly booked = new Map<string, Running>();
  readonly byNode = new Map<string, Set<Running>>();
  readonly byClass = new Map<string, Set<Running>>();
  readonly profile: CapacityProfile;
  /** Of all nodes, cordoned ones too. */
  readonly total: number[] = AXES.map(() => 0);
  /** What the last cycle promised. */
  promised: readonly Promised[] = [];
  /** Nodes that bound how many may run there. */
  #bounded = 0;
  #reservations: readonly ReservationConfig[] = [];
  /** Of those that are booked who is thought away for the moment. */
  #away: ReadonlySet<Running> = NOBODY;
  /** Whether an empty node could take a shape, as long as the nodes are the same. */
  readonly #couldFit = new Map<Shape, boolean>();

  constructor(
    readonly flavor: string,
    policy: PlacementPolicy,
    now: number,
    typical: TypicalSet = [],
  ) {
    this.nodes = new NodeSet(policy, typical);
    this.profile = new CapacityProfile(
      AXES.map(() => 0),
      now,
    );
  }

  get reservations(): readonly ReservationConfig[] {
    return this.#reservations;
  }

  /** Whether every node has as many as it takes. */
  get isFull(): boolean {
    return this.#bounded > 0 && [...this.nodes.all()].every(({ placesFree }) => placesFree < 1);
  }

  couldFit(request: ShapeRequest): boolean {
    const shape = this.nodes.shape(request);
    let could = this.#couldFit.get(shape);
    if (could === undefined) {
      could = this.nodes.couldFit(shape);
      this.#couldFit.set(shape, could);
    }
    return could;
  }

  addNode(spec: NodeSpec): void {
    this.nodes.addNode(spec);
    this.#grow(spec, 1, true);
    this.#couldFit.clear();
  }

  /** A cordoned node, with what runs on it, counts as away. */
  setAvailability(node: string, availability: NodeAvailability): void {
    const state = this.nodes.node(node);
    if (!state) return;
    const [was, is] = [state.availability === 'cordoned', availability === 'cordoned'];
    if (is && !was) {
      for (const running of this.byNode.get(node) ?? []) this.#letGo(running);
      this.#offer(state.spec, -1);
    }
    this.nodes.setAvailability(node, availability);
    if (was && !is) {
      this.#offer(state.spec, 1);
      for (const running of this.byNode.get(node) ?? []) this.#hold(running);
    }
    this.#couldFit.clear();
  }

  /** @returns what was booked there, which is booked no more */
  removeNode(node: string): Running[] {
    const state = this.nodes.node(node);
    if (!state) return [];
    const gone = [...(this.byNode.get(node) ?? [])];
    for (const running of gone) this.end(running);
    this.nodes.removeNode(node);
    this.#grow(state.spec, -1, state.availability !== 'cordoned');
    this.#couldFit.clear();
    return gone;
  }

  reserve(reservations: readonly ReservationConfig[]): void {
    for (const { id } of this.#reservations) this.profile.release(reservationHold(id));
    this.#reservations = reservations.filter(({ flavor }) => flavor === this.flavor);
    for (const { id } of this.#reservations) this.renewReservation(id);
  }

  start(running: Running): void {
    const { node } = running.placement;
    this.nodes.take(running.placement);
    this.booked.set(bookedAs(running.workload), running);
    put(this.byNode, node, running);
    put(this.byClass, running.workload.class, running);
    this.#hold(running);
    this.renewReservation(running.reservation);
  }

  end(running: Running): void {
    const { node } = running.placement;
    this.nodes.release(running.placement);
    this.booked.delete(bookedAs(running.workload));
    drop(this.byNode, node, running);
    drop(this.byClass, running.workload.class, running);
    this.#letGo(running);
    this.renewReservation(running.reservation);
  }

  /** Whether it, and not one of its name, is booked. */
  isBooked(running: Running): boolean {
    return this.booked.get(bookedAs(running.workload)) === running;
  }

  /** Whether its node takes new work, and so counts. */
  isOffered({ placement }: Running): boolean {
    return this.nodes.node(placement.node)?.availability !== 'cordoned';
  }

  /** When it is thought to end: later than at its start if it has overrun since. */
  until(running: Running): number {
    return this.profile.held(workloadHold(running.workload))?.to ?? running.until;
  }

  /** Another end for one that runs. */
  extend(running: Running, until: number): void {
    running.until = until;
    if (this.profile.held(workloadHold(running.workload))) this.profile.extend(workloadHold(running.workload), until);
  }

  /** How far it could be extended. */
  roomUntil(running: Running, until: number): number {
    return this.profile.held(workloadHold(running.workload))
      ? this.profile.roomUntil(workloadHold(running.workload), until)
      : until;
  }

  /** Runs `attempt` as if these ran no more, and the heads that were promised something had it. */
  without<T>(gone: readonly Running[], heads: readonly Promised[], attempt: () => T): T {
    const held = gone.filter((one) => this.profile.held(workloadHold(one.workload)));
    const until = held.map((one) => this.until(one));
    for (const one of held) this.profile.release(workloadHold(one.workload));
    // What they leave of a reservation is its owners' again, not anybody's.
    const reservations = [...new Set(gone.flatMap(({ reservation }) => reservation ?? []))];
    this.#away = new Set(gone);
    for (const id of reservations) this.renewReservation(id);
    const { now } = this.profile;
    for (const { id, amounts, at, durationMs } of heads) {
      const from = Math.max(at, now);
      this.profile.hold(headHold(id), { amounts, from, to: from + durationMs, lapses: true });
    }
    try {
      return attempt();
    } finally {
      for (const { id } of heads) this.profile.release(headHold(id));
      for (const [at, one] of held.entries()) {
        const hold = { amounts: one.amounts, from: Math.min(one.startedAt, now), to: until[at] as number };
        this.profile.hold(workloadHold(one.workload), hold);
      }
      this.#away = NOBODY;
      for (const id of reservations) this.renewReservation(id);
    }
  }

  /** Runs `attempt` with the capacity of these reservations free. */
  withReservations<T>(ids: readonly string[], attempt: () => T): T {
    for (const id of ids) this.profile.release(reservationHold(id));
    try {
      return attempt();
    } finally {
      for (const id of ids) this.renewReservation(id);
    }
  }

  /** Holds what is not taken of it yet. */
  renewReservation(id: string | null): void {
    if (id === null) return;
    const reservation = this.#reservations.find((one) => one.id === id);
    if (!reservation) return;
    const { from, to } = reservation;
    this.profile.release(reservationHold(reservation.id));
    if (to <= this.profile.now || from >= to) return;
    const left = AXES.map((axis) => reservation.amounts[axis]);
    for (const one of this.booked.values()) {
      if (one.reservation !== id || this.#away.has(one)) continue;
      for (const [axis, amount] of one.amounts.entries()) left[axis] = Math.max(0, (left[axis] as number) - amount);
    }
    this.profile.hold(reservationHold(reservation.id), { amounts: left, from, to, lapses: true });
  }

  #hold(running: Running): void {
    if (!this.isOffered(running)) return;
    const { workload, amounts, startedAt, until } = running;
    this.profile.hold(workloadHold(workload), { amounts, from: startedAt, to: until });
  }

  #letGo(running: Running): void {
    running.until = this.until(running);
    this.profile.release(workloadHold(running.workload));
  }

  #grow(spec: NodeSpec, sign: 1 | -1, offered: boolean): void {
    for (const [axis, amount] of amountsOfNode(spec).entries())
      this.total[axis] = (this.total[axis] as number) + sign * amount;
    if (spec.places !== undefined) this.#bounded += sign;
    if (offered) this.#offer(spec, sign);
  }

  #offer(spec: NodeSpec, sign: 1 | -1): void {
    const more: Amounts = amountsOfNode(spec);
    this.profile.setCapacity(this.profile.capacity.map((amount, axis) => amount + sign * (more[axis] as number)));
  }
}

function put(sets: Map<string, Set<Running>>, key: string, running: Running): void {
  const there = sets.get(key);
  if (there) there.add(running);
  else sets.set(key, new Set([running]));
}

function drop(sets: Map<string, Set<Running>>, key: string, running: Running): void {
  const there = sets.get(key);
  there?.delete(running);
  if (there?.size === 0) sets.delete(key);
}

const NOBODY: ReadonlySet<Running> = new Set();

/** One that was evicted may run again while the place that it left is still kept for who made it go. */
const bookedAs = ({ id, evictions }: CoreWorkload): string => `${id} ${evictions}`;

/** Kinds of holds never share a name. */
const workloadHold = (workload: CoreWorkload): string => `workload ${bookedAs(workload)}`;
const reservationHold = (id: string): string => `reservation ${id}`;
export const headHold = (id: string): string => `head ${id}`;
export const nominationHold = (id: string): string => `nomination ${id}`;

import type { Amounts } from '../backfill/amounts.js';
import { CapacityProfile } from '../backfill/capacity-profile.js';
import { NodeSet } from '../placement/node-set.js';
import type { NodeAvailability, NodeSpec } from '../placement/node-state.js';
import type { PlacementPolicy } from '../placement/placement-policy.js';
import { amountsOfNode } from './amounts-of.js';
import { AXES, type ReservationConfig } from './model.js';
import type { Running } from './running.js';

/** The nodes of one flavor, what runs on them, and what of them is free when. */
export class Pool {
  readonly nodes: NodeSet;
  readonly #running = new Map<string, Running>();
  #reservations: readonly ReservationConfig[] = [];
  #profile: CapacityProfile;

  constructor(
    readonly flavor: string,
    policy: PlacementPolicy,
    now: number,
  ) {
    this.nodes = new NodeSet(policy);
    this.#profile = new CapacityProfile(this.capacity(false), now);
  }

  /** What is free over time of the nodes that take new work. */
  get profile(): CapacityProfile {
    return this.#profile;
  }

  /** @param cordoned  with the nodes that take nothing new */
  capacity(cordoned: boolean): number[] {
    const sum = AXES.map(() => 0);
    for (const { spec, availability } of this.nodes.all()) {
      if (!cordoned && availability === 'cordoned') continue;
      for (const [axis, amount] of amountsOfNode(spec).entries()) sum[axis] = (sum[axis] as number) + amount;
    }
    return sum;
  }

  addNode(spec: NodeSpec, now: number): void {
    this.nodes.addNode(spec);
    this.#rebuild(now);
  }

  setAvailability(node: string, availability: NodeAvailability, now: number): void {
    this.nodes.setAvailability(node, availability);
    this.#rebuild(now);
  }

  /** What ran there is to be taken out before. */
  removeNode(node: string, now: number): void {
    this.nodes.removeNode(node);
    this.#rebuild(now);
  }

  reserve(reservations: readonly ReservationConfig[], now: number): void {
    this.#reservations = reservations.filter(({ flavor }) => flavor === this.flavor);
    this.#rebuild(now);
  }

  start(running: Running): void {
    this.nodes.take(running.placement);
    this.#running.set(running.workload.id, running);
    this.#hold(running);
    this.renewReservation(running.reservation);
  }

  end(running: Running): void {
    this.nodes.release(running.placement);
    this.#running.delete(running.workload.id);
    this.#profile.release(workloadHold(running.workload.id));
    this.renewReservation(running.reservation);
  }

  /** To be told after what ended until then. */
  advance(now: number): void {
    this.#profile.advance(now);
  }

  /** When it is thought to end: later than at its start if it has overrun since. */
  until(running: Running): number {
    return this.#profile.held(workloadHold(running.workload.id))?.to ?? running.until;
  }

  /** Runs `attempt` with the reservation's capacity free, for its owner; null: with none. */
  withReservation<T>(id: string | null, attempt: () => T): T {
    if (id !== null) this.#profile.release(reservationHold(id));
    try {
      return attempt();
    } finally {
      this.renewReservation(id);
    }
  }

  /** Holds what its owner has not taken of it yet. */
  renewReservation(id: string | null): void {
    const reservation = this.#reservations.find((one) => one.id === id);
    if (!reservation) return;
    const { from, to } = reservation;
    this.#profile.release(reservationHold(reservation.id));
    const left = AXES.map((axis) => reservation.amounts[axis]);
    for (const { reservation: of, amounts } of this.#running.values()) {
      if (of !== id) continue;
      for (const [axis, amount] of amounts.entries()) left[axis] = Math.max(0, (left[axis] as number) - amount);
    }
    if (to > this.#profile.now)
      this.#profile.hold(reservationHold(reservation.id), { amounts: left, from, to, lapses: true });
  }

  #hold({ workload, placement, amounts, startedAt, until }: Running): void {
    if (this.nodes.node(placement.node)?.availability === 'cordoned') return;
    this.#profile.hold(workloadHold(workload.id), { amounts, from: startedAt, to: until });
  }

  #rebuild(now: number): void {
    for (const running of this.#running.values()) running.until = this.until(running);
    this.#profile = new CapacityProfile(this.capacity(false) as Amounts, now);
    for (const running of this.#running.values()) this.#hold(running);
    for (const { id } of this.#reservations) this.renewReservation(id);
  }
}

/** Kinds of holds never share a name. */
const workloadHold = (id: string): string => `workload ${id}`;
const reservationHold = (id: string): string => `reservation ${id}`;
export const headHold = (id: string): string => `head ${id}`;

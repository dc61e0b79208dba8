import type { Amounts } from '../backfill/amounts.js';
import { decayed, STEPS } from './decay.js';
import { AXES, type CoreConfig } from './model.js';

/** Shares are integers in these parts. */
const WHOLE = 1_000_000_000n;

/** Past usage of one queue, or of one user in it, per flavor and axis in one row. */
export interface UsageRow {
  readonly queue: string;
  /** Null: the queue's own. */
  readonly user: string | null;
  readonly held: number[];
  readonly past: number[];
}

/** Plain data: survives JSON. */
export interface FairShareSnapshot {
  step: number;
  rows: UsageRow[];
}

/**
 * Who has had how much of what is there. Usage is sampled at 64 points of a half-life: what is held at one counts for all
 * the time since the last. What starts pays for one such time at once, so that nobody floods the line between two samples.
 *
 * @see Kueue KEP-4136, admission fair sharing: entry penalty
 */
export class FairShare {
  readonly #flavorAt: ReadonlyMap<string, number>;
  readonly #stepMs: number;
  readonly #width: number;
  readonly #rows = new Map<string, UsageRow>();
  /** From the root to each queue: the queues below, and weight / weights of all siblings. */
  readonly #paths = new Map<string, { queues: string[]; weight: number; siblings: number }[]>();
  #step = Number.NaN;

  constructor({ flavors, cohorts, queues, halfLifeMs }: CoreConfig) {
    this.#flavorAt = new Map(flavors.map((flavor, at) => [flavor, at * AXES.length]));
    this.#width = flavors.length * AXES.length;
    this.#stepMs = Math.max(1, Math.floor(halfLifeMs / STEPS));
    const byName = new Map(cohorts.map((cohort) => [cohort.name, cohort]));
    const siblings = new Map<string | null, number>();
    for (const { parent, weight } of [...cohorts, ...queues]) {
      siblings.set(parent, (siblings.get(parent) ?? 0) + weight);
    }
    const queuesBelow = new Map<string, string[]>(cohorts.map(({ name }) => [name, []]));
    for (const queue of queues) {
      const path = [];
      path.push({ queues: [queue.name], weight: queue.weight, siblings: siblings.get(queue.parent) as number });
      for (let up = byName.get(queue.parent ?? ''); up; up = byName.get(up.parent ?? '')) {
        const below = queuesBelow.get(up.name) as string[];
        below.push(queue.name);
        path.push({ queues: below, weight: up.weight, siblings: siblings.get(up.parent) as number });
      }
      this.#paths.set(queue.name, path.reverse());
    }
  }

  /** Time passes. To be told before the changes of that time. */
  advance(now: number): void {
    const step = Math.floor(now / this.#stepMs);
    const steps = step - this.#step;
    this.#step = step;
    if (!(steps > 0)) return;
    for (const [key, { held, past }] of this.#rows) {
      let idle = true;
      for (let at = 0; at < past.length; at += 1) {
        const before = past[at] as number;
        const holds = held[at] as number;
        past[at] = decayed(before, steps) + holds - decayed(holds, steps);
        if (past[at] !== 0 || holds !== 0) idle = false;
      }
      if (idle) this.#rows.delete(key);
    }
  }

  /** When past usage changes next though nothing happens. */
  nextSampleAt(): number {
    return (this.#step + 1) * this.#stepMs;
  }

  started(queue: string, user: string, flavor: string, amounts: Amounts): void {
    this.#change(queue, user, flavor, amounts, 1);
  }

  ended(queue: string, user: string, flavor: string, amounts: Amounts): void {
    this.#change(queue, user, flavor, amounts, -1);
  }

  /** Weighted dominant shares from the topmost cohort down to the queue: the first that differs decides. */
  pathShares(queue: string, capacity: Amounts): number[] {
    return (this.#paths.get(queue) ?? []).map(({ queues, weight, siblings }) => {
      const rows = queues.flatMap((name) => this.#rows.get(rowKey(name, null)) ?? []);
      let most = 0n;
      for (let at = 0; at < this.#width; at += 1) {
        if (!capacity[at]) continue;
        const sum = rows.reduce((all, { held, past }) => all + (held[at] as number) + (past[at] as number), 0);
        const share = (BigInt(sum) * WHOLE * BigInt(siblings)) / (2n * BigInt(capacity[at] as number) * BigInt(weight));
        if (share > most) most = share;
      }
      return Number(most);
    });
  }

  /** The dominant share of what a user had in a queue of late. */
  userShare(queue: string, user: string, capacity: Amounts): number {
    const past = this.#rows.get(rowKey(queue, user))?.past ?? [];
    let most = 0n;
    for (const [at, had] of past.entries()) {
      if (!capacity[at]) continue;
      const share = (BigInt(had) * WHOLE) / BigInt(capacity[at] as number);
      if (share > most) most = share;
    }
    return Number(most);
  }

  snapshot(): FairShareSnapshot {
    return structuredClone({ step: this.#step, rows: [...this.#rows.values()] });
  }

  restore({ step, rows }: FairShareSnapshot): void {
    this.#step = step;
    for (const row of structuredClone(rows)) this.#rows.set(rowKey(row.queue, row.user), row);
  }

  /** Takes over past usage from before the configuration changed; what is held is told anew. */
  inherit(
    before: FairShareSnapshot & { flavors: readonly string[] },
    running: Iterable<{ workload: { queue: string; user: string }; flavor: string; amounts: Amounts }>,
    now: number,
  ): void {
    this.advance(now);
    for (const { queue, user, past } of before.rows) {
      const own = this.#row(queue, user);
      for (const [at, flavor] of before.flavors.entries()) {
        const to = this.#flavorAt.get(flavor);
        if (to === undefined) continue;
        for (let axis = 0; axis < AXES.length; axis += 1) own.past[to + axis] = past[at * AXES.length + axis] as number;
      }
    }
    for (const { workload, flavor, amounts } of running) {
      this.#change(workload.queue, workload.user, flavor, amounts, 1, false);
    }
  }

  #change(
    ...[queue, user, flavor, amounts, sign, pays = sign === 1]: [string, string, string, Amounts, 1 | -1, boolean?]
  ): void {
    const from = this.#flavorAt.get(flavor);
    if (from === undefined) return;
    for (const { held, past } of [this.#row(queue, null), this.#row(queue, user)]) {
      for (const [index, amount] of amounts.entries()) {
        held[from + index] = (held[from + index] as number) + sign * amount;
        if (pays) past[from + index] = (past[from + index] as number) + amount - decayed(amount, 1);
      }
    }
  }

  #row(queue: string, user: string | null): UsageRow {
    const key = rowKey(queue, user);
    let row = this.#rows.get(key);
    if (!row) {
      row = { queue, user, held: new Array(this.#width).fill(0), past: new Array(this.#width).fill(0) };
      this.#rows.set(key, row);
    }
    return row;
  }
}

const rowKey = (queue: string, user: string | null): string => JSON.stringify([queue, user]);

import type { Amounts } from '../backfill/amounts.js';
import { decayed, STEPS } from './decay.js';
import { AXES, type CoreConfig } from './model.js';

/** Shares are integers in these parts. */
const WHOLE = 1_000_000_000;

/** Usage of one queue, cohort, or user of a queue, per flavor and axis in one row. */
interface Row {
  /** Both per half-life. */
  readonly held: number[][];
  readonly past: number[][];
  /** Cached; -1: to be computed anew. */
  share: number;
}

/** Of a queue or a cohort. */
export interface Account extends Row {
  readonly parent: Account | null;
  readonly weight: number;
  readonly siblings: number;
}

/** Plain data: survives JSON. */
export interface FairShareSnapshot {
  /** Per half-life. */
  steps: number[];
  accounts: [name: string, past: number[][]][];
  users: [queue: string, user: string, past: number[][]][];
}

/** What takes or took part of a queue. */
export interface Usage {
  readonly queue: string;
  readonly user: string;
  readonly flavor: string;
  readonly amounts: Amounts;
  readonly halfLifeMs: number;
}

/**
 * Who has had how much of what is there. Usage is sampled at 64 points of a half-life: what is held at one counts for all
 * the time since the last. What starts pays for one such time at once, so that nobody floods the line between two samples.
 * Doubles are added, multiplied and divided only, which is alike on every machine; shares are rounded to integers.
 *
 * @see Kueue KEP-4136, admission fair sharing: entry penalty
 */
export class FairShare {
  readonly #flavorAt: ReadonlyMap<string, number>;
  readonly #halfLives: readonly number[];
  readonly #width: number;
  readonly #accounts = new Map<string, Account>();
  readonly #paths = new Map<string, Account[]>();
  readonly #users = new Map<string, Map<string, Row>>();
  /** Queues that have started or ended something; whoever keeps an order of them takes note and clears it. */
  readonly changed = new Set<string>();
  #steps: number[];
  #capacity: readonly number[] = [];

  constructor({ flavors, cohorts, queues, classes }: CoreConfig) {
    this.#flavorAt = new Map(flavors.map((flavor, at) => [flavor, at * AXES.length]));
    this.#width = flavors.length * AXES.length;
    this.#halfLives = [...new Set(classes.map(({ halfLifeMs }) => halfLifeMs))].sort((a, b) => a - b);
    this.#steps = this.#halfLives.map(() => Number.NaN);
    const siblings = new Map<string | null, number>();
    for (const { parent, weight } of [...cohorts, ...queues])
      siblings.set(parent, (siblings.get(parent) ?? 0) + weight);
    const byName = new Map(cohorts.map((cohort) => [cohort.name, cohort]));
    const open = ({ name, parent, weight }: { name: string; parent: string | null; weight: number }): Account => {
      const key = `cohort ${name}`;
      const known = this.#accounts.get(key);
      if (known) return known;
      const above = parent === null ? undefined : byName.get(parent);
      const account = {
        ...this.#row(),
        ...{ parent: above ? open(above) : null, weight, siblings: siblings.get(parent) as number },
      };
      this.#accounts.set(key, account);
      return account;
    };
    for (const cohort of cohorts) open(cohort);
    for (const { name, parent, weight } of queues) {
      const above = parent === null ? undefined : byName.get(parent);
      const account = {
        ...this.#row(),
        ...{ parent: above ? open(above) : null, weight, siblings: siblings.get(parent) as number },
      };
      this.#accounts.set(`queue ${name}`, account);
      const path = [];
      for (let at: Account | null = account; at; at = at.parent) path.push(at);
      this.#paths.set(name, path.reverse());
    }
  }

  /** What there is, per flavor and axis in one row. @returns whether shares have changed by it */
  setCapacity(capacity: readonly number[]): boolean {
    if (capacity.every((amount, at) => amount === this.#capacity[at])) return false;
    this.#capacity = [...capacity];
    this.#forget();
    return true;
  }

  /** Time passes. To be told before the changes of that time. @returns whether shares have changed by it */
  advance(now: number): boolean {
    let changed = false;
    for (const [at, halfLifeMs] of this.#halfLives.entries()) {
      const step = Math.floor(now / stepMs(halfLifeMs));
      const steps = step - (this.#steps[at] as number);
      this.#steps[at] = step;
      if (!(steps > 0)) continue;
      changed = true;
      for (const row of this.#rows()) decay(row, at, steps);
    }
    if (changed) this.#forget();
    return changed;
  }

  /** When past usage changes next though nothing happens. */
  nextSampleAt(): number {
    return Math.min(...this.#halfLives.map((each, at) => ((this.#steps[at] as number) + 1) * stepMs(each)));
  }

  /** @param pays  the entry penalty */
  started(usage: Usage, pays = true): void {
    this.#change(usage, 1, pays);
  }

  ended(usage: Usage): void {
    this.#change(usage, -1, false);
  }

  /** Weighted dominant shares from the topmost cohort down to the queue: the first that differs decides. */
  pathShares(queue: string): number[] {
    return this.accountsOf(queue).map((account) => this.shareOf(account));
  }

  /** From the topmost cohort down to the queue; of a queue that is not configured there are none. */
  accountsOf(queue: string): readonly Account[] {
    return this.#paths.get(queue) ?? NONE;
  }

  shareOf(account: Account): number {
    if (account.share < 0) {
      const all = this.#dominant((at) => sumAt(account.past, at) + sumAt(account.held, at));
      account.share = Math.floor((all * WHOLE * account.siblings) / (2 * account.weight));
    }
    return account.share;
  }

  /** The same of what is held alone, if these were added and those taken away. */
  heldShares(queue: string, more: readonly Usage[], less: readonly Usage[]): number[] {
    for (const usage of more) this.#change(usage, 1, false);
    for (const usage of less) this.#change(usage, -1, false);
    const shares = this.accountsOf(queue).map((account) =>
      Math.floor((this.#dominant((at) => sumAt(account.held, at)) * WHOLE * account.siblings) / account.weight),
    );
    for (const usage of more) this.#change(usage, -1, false);
    for (const usage of less) this.#change(usage, 1, false);
    return shares;
  }

  /** The dominant share of what a user had in a queue of late. */
  userShare(queue: string, user: string): number {
    const row = this.#users.get(queue)?.get(user);
    if (!row) return 0;
    if (row.share < 0) row.share = Math.floor(this.#dominant((at) => sumAt(row.past, at)) * WHOLE);
    return row.share;
  }

  snapshot(): FairShareSnapshot {
    return {
      steps: [...this.#steps],
      accounts: [...this.#accounts].map(([name, { past }]) => [name, past.map((row) => [...row])]),
      users: [...this.#users].flatMap(([queue, users]) =>
        [...users].map(([user, { past }]): [string, string, number[][]] => [queue, user, past.map((row) => [...row])]),
      ),
    };
  }

  /** Of the same configuration; what is held is told anew, without a penalty. */
  restore({ steps, accounts, users }: FairShareSnapshot): void {
    this.#steps = [...steps];
    for (const [name, past] of accounts) copy(past, this.#accounts.get(name)?.past);
    for (const [queue, user, past] of users) copy(past, this.#user(queue, user).past);
    this.#forget();
  }

  /** What was stored, where it is of the same queues and half-lives; else of those that are. */
  takeOver({ steps, accounts, users }: FairShareSnapshot): void {
    if (steps.length !== this.#steps.length) return;
    const known = users.filter(([queue]) => this.#paths.has(queue));
    const fits = accounts.every(([, past]) => past.every((row) => row.length === this.#width));
    if (fits) this.restore({ steps, accounts, users: known });
  }

  /** Takes over past usage from before the configuration changed; a half-life that is new begins with the nearest one's. */
  inherit(before: FairShare, now: number): void {
    this.advance(now);
    const from = before.#halfLives.map((each) => Math.max(0, this.#halfLives.indexOf(each)));
    const take = (past: readonly number[][], own: number[][] | undefined): void => {
      for (const [half, row] of past.entries()) {
        for (const [flavor, at] of before.#flavorAt) {
          const to = this.#flavorAt.get(flavor);
          const into = own?.[from[half] as number];
          if (to === undefined || !into) continue;
          for (let axis = 0; axis < AXES.length; axis += 1)
            into[to + axis] = (into[to + axis] as number) + (row[at + axis] as number);
        }
      }
    };
    for (const [name, { past }] of before.#accounts) take(past, this.#accounts.get(name)?.past);
    for (const [queue, users] of before.#users) {
      if (!this.#paths.has(queue)) continue;
      for (const [user, { past }] of users) take(past, this.#user(queue, user).past);
    }
    this.#forget();
  }

  #dominant(of: (at: number) => number): number {
    let most = 0;
    for (let at = 0; at < this.#width; at += 1) {
      const capacity = this.#capacity[at] ?? 0;
      const share = capacity > 0 ? of(at) / capacity : 0;
      if (share > most) most = share;
    }
    return most;
  }

  #change({ queue, user, flavor, amounts, halfLifeMs }: Usage, sign: 1 | -1, pays: boolean): void {
    const from = this.#flavorAt.get(flavor);
    if (from === undefined) return;
    const half = Math.max(0, this.#halfLives.indexOf(halfLifeMs));
    this.changed.add(queue);
    for (const row of [...this.accountsOf(queue), this.#user(queue, user)]) {
      row.share = -1;
      const [held, past] = [row.held[half], row.past[half]];
      if (!held || !past) continue;
      for (const [index, amount] of amounts.entries()) {
        held[from + index] = (held[from + index] as number) + sign * amount;
        if (pays) past[from + index] = (past[from + index] as number) + amount - decayed(amount, 1);
      }
    }
  }

  #user(queue: string, user: string): Row {
    const users = this.#users.get(queue) ?? new Map<string, Row>();
    this.#users.set(queue, users);
    const row = users.get(user) ?? this.#row();
    users.set(user, row);
    return row;
  }

  *#rows(): Generator<Row> {
    yield* this.#accounts.values();
    for (const [queue, users] of this.#users) {
      for (const [user, row] of users) {
        if (isEmpty(row.held) && isEmpty(row.past)) users.delete(user);
        else yield row;
      }
      if (users.size === 0) this.#users.delete(queue);
    }
  }

  #forget(): void {
    for (const account of this.#accounts.values()) account.share = -1;
    for (const users of this.#users.values()) for (const row of users.values()) row.share = -1;
  }

  #row(): Row {
    const zeros = (): number[] => new Array<number>(this.#width).fill(0);
    return { held: this.#halfLives.map(zeros), past: this.#halfLives.map(zeros), share: -1 };
  }
}

const NONE: readonly Account[] = [];
const stepMs = (halfLifeMs: number): number => Math.max(1, Math.floor(halfLifeMs / STEPS));
const isEmpty = (rows: readonly number[][]): boolean => rows.every((row) => row.every((amount) => amount === 0));

function sumAt(rows: readonly number[][], at: number): number {
  let sum = 0;
  for (const row of rows) sum += row[at] as number;
  return sum;
}

function decay({ held, past }: Row, half: number, steps: number): void {
  const [holds, had] = [held[half] as number[], past[half] as number[]];
  for (let at = 0; at < had.length; at += 1) {
    const [before, now] = [had[at] as number, holds[at] as number];
    if (before !== 0 || now !== 0) had[at] = decayed(before, steps) + now - decayed(now, steps);
  }
}

function copy(from: readonly number[][], to: number[][] | undefined): void {
  for (const [half, row] of from.entries())
    for (const [at, amount] of row.entries()) {
      const into = to?.[half];
      if (into) into[at] = amount;
    }
}

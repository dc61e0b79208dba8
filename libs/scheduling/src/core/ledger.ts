import type { Amounts } from '../backfill/amounts.js';
import { AXES, type Axis, type CohortConfig, type CoreConfig, type Quota } from './model.js';

/** What lacks for the first resource that lacks. */
export interface MissingQuota {
  axis: Axis;
  missing: number;
}
export type QuotaAnswer = 'nominal' | 'borrow' | MissingQuota;

/** One queue or cohort; per flavor and axis in one row each, at `flavor index * AXES.length + axis`. */
interface Account {
  readonly parent: Account | null;
  readonly nominal: number[];
  readonly borrowLimit: (number | null)[];
  /** Its own quota and what its children lend it. */
  readonly subtree: number[];
  /** Of `subtree` what is not lent. */
  readonly guaranteed: number[];
  /** Of a queue what is allocated; of a cohort what its children use beyond what they are guaranteed. */
  readonly used: number[];
  /** Grows with each change of `used`. */
  version: number;
}

const NONE: Quota = { nominal: 0, borrowLimit: 0, lendLimit: null };
/** A cohort that says nothing only passes on. */
const PASSED_ON: Quota = { ...NONE, borrowLimit: null };

/**
 * What is allocated, against the quotas of the cohort tree. A queue first uses what it never lends; beyond that it uses
 * its cohort's, where the cohort has some left and the queue's borrowing limit allows it, and so on upwards. A check and a
 * change walk from the queue to the root.
 *
 * @see Kueue, pkg/cache/scheduler/resource_node.go: the same rules
 */
export class Ledger {
  readonly #queues = new Map<string, Account>();
  readonly #cohorts = new Map<string, Account>();
  readonly #flavorAt: ReadonlyMap<string, number>;
  /** Queues of which something was taken or released; whoever keeps an order of them takes note and clears it. */
  readonly changed = new Set<string>();

  /** @throws RangeError where a parent is not known or the tree has a ring */
  constructor({ flavors, cohorts, queues }: Pick<CoreConfig, 'flavors' | 'cohorts' | 'queues'>) {
    this.#flavorAt = new Map(flavors.map((flavor, at) => [flavor, at * AXES.length]));
    const known = new Map(cohorts.map((cohort) => [cohort.name, cohort]));
    const below = new Map<string | null, CohortConfig[]>();
    for (const one of [...cohorts, ...queues]) {
      if (one.parent !== null && !known.has(one.parent)) throw new RangeError(`No cohort ${one.parent}`);
      below.set(one.parent, [...(below.get(one.parent) ?? []), one]);
    }
    const queueSet = new Set<CohortConfig>(queues);
    let opened = 0;
    const open = (config: CohortConfig, parent: Account | null): Account => {
      opened += 1;
      const account = this.#account(config, parent);
      const isQueue = queueSet.has(config);
      (isQueue ? this.#queues : this.#cohorts).set(config.name, account);
      for (const child of isQueue ? [] : (below.get(config.name) ?? [])) open(child, account);
      this.#close(config, account);
      return account;
    };
    for (const root of below.get(null) ?? []) open(root, null);
    if (opened !== cohorts.length + queues.length) throw new RangeError('The cohorts form a ring');
  }

  /** Whether the queue may take so much now, of its own or borrowed. A flavor that is not known: all is missing. */
  fitsQuota(queue: string, flavor: string, request: Amounts): QuotaAnswer {
    const account = this.#queues.get(queue);
    const from = this.#flavorAt.get(flavor);
    let borrows = false;
    for (const [index, axis] of AXES.entries()) {
      const wanted = request[index] as number;
      if (wanted === 0) continue;
      if (account === undefined || from === undefined) return { axis, missing: wanted };
      const missing = wanted - available(account, from + index);
      if (missing > 0) return { axis, missing };
      if ((account.used[from + index] as number) + wanted > (account.nominal[from + index] as number)) borrows = true;
    }
    return borrows ? 'borrow' : 'nominal';
  }

  /**
   * Whether the queue could take so much if nothing were allocated. False: waiting is of no use.
   */
  everFits(queue: string, flavor: string, request: Amounts): boolean {
    const account = this.#queues.get(queue);
    const from = this.#flavorAt.get(flavor);
    if (account === undefined || from === undefined) return false;
    return request.every((wanted, index) => wanted === 0 || wanted <= available(account, from + index, true));
  }

  /** What the queue could take of a flavor if nothing were allocated. */
  most(queue: string, flavor: string): Amounts {
    const account = this.#queues.get(queue);
    const from = this.#flavorAt.get(flavor);
    if (account === undefined || from === undefined) return AXES.map(() => 0);
    return AXES.map((_, index) => available(account, from + index, true));
  }

  /** Books, whether it fits or not: what runs when quotas are lowered goes on. */
  take(queue: string, flavor: string, request: Amounts): void {
    this.#add(queue, flavor, request, 1);
  }

  release(queue: string, flavor: string, request: Amounts): void {
    this.#add(queue, flavor, request, -1);
  }

  /** Whether so much more, on top of what it holds, is the queue's own, whatever others have borrowed of it. */
  isOwn(queue: string, flavor: string, request: Amounts): boolean {
    const account = this.#queues.get(queue);
    const from = this.#flavorAt.get(flavor);
    if (account === undefined || from === undefined) return false;
    return request.every(
      (wanted, index) =>
        wanted === 0 || (account.used[from + index] as number) + wanted <= (account.nominal[from + index] as number),
    );
  }

  /** Whether it holds more than its own of anything that is asked for. */
  isBeyondOwn(queue: string, flavor: string, request: Amounts): boolean {
    const account = this.#queues.get(queue);
    const from = this.#flavorAt.get(flavor);
    if (account === undefined || from === undefined) return true;
    return request.some(
      (wanted, index) =>
        wanted > 0 && (account.used[from + index] as number) > (account.nominal[from + index] as number),
    );
  }

  /** Changes whenever what the queue holds does. */
  versionOf(queue: string): number {
    return this.#queues.get(queue)?.version ?? 0;
  }

  /** What the queue holds, per flavor and axis in one row. To be read only. */
  allocated(queue: string): Amounts {
    return this.#queues.get(queue)?.used ?? [];
  }

  #add(queue: string, flavor: string, request: Amounts, sign: 1 | -1): void {
    const account = this.#queues.get(queue);
    const from = this.#flavorAt.get(flavor);
    if (account === undefined || from === undefined) return;
    this.changed.add(queue);
    for (const [index, amount] of request.entries()) add(account, from + index, sign * amount);
  }

  #account(config: CohortConfig, parent: Account | null): Account {
    const row = (): number[] => new Array<number>(this.#flavorAt.size * AXES.length).fill(0);
    const quotas = this.#quotas(config);
    const nominal = quotas.map((quota) => quota.nominal);
    const borrowLimit = quotas.map((quota) => quota.borrowLimit);
    return { parent, nominal, borrowLimit, subtree: [...nominal], guaranteed: row(), used: row(), version: 0 };
  }

  /** Once all below it have lent to it. */
  #close(config: CohortConfig, { parent, subtree, guaranteed }: Account): void {
    for (const [at, { lendLimit }] of this.#quotas(config).entries()) {
      const all = subtree[at] as number;
      guaranteed[at] = lendLimit === null ? 0 : Math.max(0, all - lendLimit);
      if (parent) parent.subtree[at] = (parent.subtree[at] as number) + all - (guaranteed[at] as number);
    }
  }

  #quotas(config: CohortConfig): Quota[] {
    const absent = 'perUser' in config ? NONE : PASSED_ON;
    return [...this.#flavorAt.keys()].flatMap((flavor) => AXES.map((axis) => config.quotas[flavor]?.[axis] ?? absent));
  }
}

/** What is left for an account; below zero where quotas were lowered. @param empty as if nothing were allocated */
function available(account: Account, at: number, empty = false): number {
  const used = empty ? 0 : (account.used[at] as number);
  const subtree = account.subtree[at] as number;
  if (account.parent === null) return subtree - used;
  const guaranteed = account.guaranteed[at] as number;
  const limit = account.borrowLimit[at];
  let above = available(account.parent, at, empty);
  if (limit !== null && limit !== undefined) {
    above = Math.min(above, subtree - guaranteed - Math.max(0, used - guaranteed) + limit);
  }
  return Math.max(0, guaranteed - used) + above;
}

function add(account: Account, at: number, amount: number): void {
  const guaranteed = account.guaranteed[at] as number;
  const before = account.used[at] as number;
  const beyond = (used: number): number => Math.max(0, used - guaranteed);
  account.used[at] = before + amount;
  account.version += 1;
  const change = beyond(before + amount) - beyond(before);
  if (account.parent && change !== 0) add(account.parent, at, change);
}

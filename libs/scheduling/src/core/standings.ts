import type { Account, FairShare } from './fair-share.js';
import { type Placed, PlacedHeap } from './placed-heap.js';

type Compare<T> = (a: T, b: T) => number;

/** A cohort or a queue among its siblings. */
interface Seat<T> extends Placed {
  readonly account: Account | null;
  readonly above: Branch<T> | null;
  /** As it was when it was seated last. */
  share: number;
  /** The queue below that has the first; undefined: none has any. */
  winner: Leaf<T> | undefined;
}

interface Branch<T> extends Seat<T> {
  readonly members: PlacedHeap<Seat<T>>;
}

interface Leaf<T> extends Seat<T> {
  best: T | undefined;
  /** From the topmost cohort to the queue. */
  readonly path: readonly Seat<T>[];
}

/**
 * Who is first of those that each queue sends: a knockout in each cohort, whose winner goes on to the cohort above. What
 * changes in a queue, or what it holds, costs a few comparisons on the way from it to the root, and nothing elsewhere:
 * siblings have the shares above them in common.
 */
export class Standings<T> {
  readonly #root: Branch<T>;
  readonly #branches = new Map<Account, Branch<T>>();
  readonly #leaves = new Map<string, Leaf<T>>();

  /**
   * @param before  decides before shares do
   * @param after  decides where shares are equal
   */
  constructor(
    private readonly shares: FairShare,
    private readonly before: Compare<T>,
    private readonly after: Compare<T>,
  ) {
    this.#root = this.#branch(null, null);
  }

  get first(): T | undefined {
    return this.#root.winner?.best;
  }

  /** Whom a queue sends; undefined: nobody. */
  send(queue: string, best: T | undefined): void {
    const leaf = this.#leaves.get(queue) ?? (best === undefined ? undefined : this.#leaf(queue));
    if (!leaf) return;
    leaf.best = best;
    leaf.winner = best === undefined ? undefined : leaf;
    this.#seat(leaf);
  }

  /** The shares on a queue's path have changed. */
  reseat(queue: string): void {
    const accounts = this.shares.accountsOf(queue);
    let seat: Seat<T> | undefined = this.#leaves.get(queue);
    for (let level = accounts.length - 2; !seat && level >= 0; level -= 1)
      seat = this.#branches.get(accounts[level] as Account);
    if (seat) this.#seat(seat);
  }

  #seat(from: Seat<T>): void {
    for (let seat = from; seat.above; seat = seat.above) {
      const { above, account } = seat;
      if (account) seat.share = this.shares.shareOf(account);
      if (seat.winner) above.members.put(seat);
      else above.members.drop(seat);
      above.winner = above.members.first?.winner;
    }
  }

  #leaf(queue: string): Leaf<T> {
    const accounts = this.shares.accountsOf(queue);
    const path: Seat<T>[] = [];
    let above = this.#root;
    for (const account of accounts.slice(0, -1)) {
      const known: Branch<T> = this.#branches.get(account) ?? this.#branch(account, above);
      this.#branches.set(account, known);
      path.push(known);
      above = known;
    }
    const account = accounts.at(-1) ?? null;
    const leaf: Leaf<T> = { account, above, share: 0, winner: undefined, at: -1, best: undefined, path };
    // Of a queue that is configured no more there is no share.
    if (account) path.push(leaf);
    this.#leaves.set(queue, leaf);
    return leaf;
  }

  #branch(account: Account | null, above: Branch<T> | null): Branch<T> {
    const share = account ? this.shares.shareOf(account) : 0;
    const members = new PlacedHeap<Seat<T>>((a, b) => this.#compare(a.winner as Leaf<T>, b.winner as Leaf<T>));
    return { account, above, share, winner: undefined, at: -1, members };
  }

  #compare(a: Leaf<T>, b: Leaf<T>): number {
    const [first, second] = [a.best as T, b.best as T];
    return this.before(first, second) || compareShares(a.path, b.path) || this.after(first, second);
  }
}

/** The first that differs decides; where none does, the shorter path goes first. */
function compareShares(a: readonly { share: number }[], b: readonly { share: number }[]): number {
  for (let level = 0; level < a.length && level < b.length; level += 1) {
    if (a[level] === b[level]) continue;
    const apart = (a[level]?.share as number) - (b[level]?.share as number);
    if (apart !== 0) return apart;
  }
  return a.length - b.length;
}

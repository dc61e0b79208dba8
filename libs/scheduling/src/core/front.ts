import { isOverdue } from './heads.js';
import { compareAge, compareDuration, type Pending, type RankLine } from './line.js';

/** So many overdue ones of a line are tried by age in one cycle, then the shortest: bounds the cost of a deep queue. */
const OVERDUE_PER_LINE = 1_000;
/** So many are passed over whose users may have no more. */
const MOST_PASSED = 100;

/** Of a line the one that is to be tried next in backfill: those past their maxWait by age, then the shortest. */
export class Front {
  /** Undefined: none is left to be tried. */
  pending: Pending | undefined;
  /** Whether it is beyond its queue's own quota, as it was compared last. */
  borrows = false;
  /** Tried by age so far; null: shortest first from now on. */
  #overdue: number | null = 0;
  /** Those whose users may have no more were passed over. */
  #passed = 0;

  constructor(
    readonly line: RankLine,
    private readonly now: number,
  ) {
    this.pending = line.byAge.first();
    this.#byAgeOrShortest();
  }

  /** @param started  the one that it follows, which is in its line no more */
  next(started: Pending): void {
    const { byAge, byDuration } = this.line;
    this.pending = this.#overdue === null ? byDuration.after(started) : byAge.after(started);
    this.#byAgeOrShortest();
  }

  /** One does not fit for so long as it asks for: an older one may be shorter. @returns whether any is left */
  nextOverdue(): boolean {
    if (this.#overdue === null || !this.pending) return false;
    this.#overdue += 1;
    this.next(this.pending);
    return true;
  }

  /** The user of one may have no more. @returns whether any is left */
  nextUser(): boolean {
    if (this.#passed >= MOST_PASSED || !this.pending) return false;
    this.#passed += 1;
    this.next(this.pending);
    return true;
  }

  static compare(a: Front, b: Front): number {
    if (a.borrows !== b.borrows) return a.borrows ? 1 : -1;
    const [first, second] = [a.pending as Pending, b.pending as Pending];
    if ((a.#overdue === null) !== (b.#overdue === null)) return a.#overdue === null ? 1 : -1;
    return a.#overdue === null ? compareDuration(first, second) : compareAge(first, second);
  }

  /** Whether the next one is still tried for its age. */
  #byAgeOrShortest(): void {
    if (this.#overdue === null) return;
    if (this.pending && this.#overdue < OVERDUE_PER_LINE && isOverdue(this.pending, this.now)) return;
    this.#overdue = null;
    this.pending = this.line.shortest;
  }
}

import { Front } from './front.js';
import type { QueueLine, RankLine } from './line.js';

/** What one queue has in the backfill of one rank. Looked at only when its turn may have come. */
export class Part {
  /** Undefined: not looked at yet. */
  #fronts: Front[] | undefined;
  /** Whose turn it is in the queue, as it was looked at last. */
  best: Front | undefined;

  constructor(
    readonly queue: QueueLine,
    readonly lines: RankLine[],
  ) {}

  get isOpen(): boolean {
    return this.#fronts !== undefined;
  }

  /** @param isLeft  whether one of it may still be tried */
  look(now: number, isLeft: (front: Front) => boolean): void {
    this.#fronts ??= this.lines.map((line) => new Front(line, now));
    this.best = undefined;
    for (const front of this.#fronts) {
      if (!front.pending || !isLeft(front)) continue;
      if (!this.best || Front.compare(front, this.best) < 0) this.best = front;
    }
  }

  /** Those that were not looked at go before all with the same shares, so that they are. */
  static compare(a: Part, b: Part): number {
    if (a.best && b.best) return Front.compare(a.best, b.best);
    return Number(a.isOpen) - Number(b.isOpen);
  }

  static compareBorrowing(a: Part, b: Part): number {
    return Number(a.best?.borrows ?? false) - Number(b.best?.borrows ?? false);
  }
}

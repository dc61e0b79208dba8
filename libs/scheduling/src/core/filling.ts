import type { WaitReason } from './actions.js';
import type { NoRoom } from './attempt.js';
import { type Cycle, tellingReason } from './cycle.js';
import type { Front } from './front.js';
import type { Given } from './given.js';
import type { Kind, QueueLine, RankLine } from './line.js';
import { openFor } from './openings.js';
import { Part } from './part.js';
import { LACKS, MOST_TRIES } from './preempt.js';
import { Standings } from './standings.js';
import { borrows } from './turn.js';

/** Backfill of one rank. */
export class Filling {
  readonly #kinds = new Set<Kind>();
  readonly #standings: Standings<Part>;
  /** What has started meanwhile has taken what there was: for how long each kind has room. */
  readonly #rooms = new Map<Kind, number>();

  constructor(
    private readonly cycle: Cycle,
    private readonly rank: number,
    lines: readonly RankLine[],
    private readonly given: Given,
  ) {
    this.#standings = new Standings(cycle.state.shares, Part.compareBorrowing, Part.compare);
    const parts = new Map<QueueLine, Part>();
    for (const line of lines) {
      const { kind, line: queue } = line.ask;
      this.#kinds.add(kind);
      const part = parts.get(queue);
      if (part) part.lines.push(line);
      else parts.set(queue, new Part(queue, [line]));
    }
    for (const part of parts.values()) this.#standings.send(part.queue.queue, part);
  }

  run(): void {
    for (let part = this.#standings.first; part; part = this.#standings.first) {
      if (part.best && this.#try(part.best) && this.#isFull()) return;
      part.look(this.cycle.state.now, (front) => this.#isLeft(front));
      this.#standings.send(part.queue.queue, part.best ? part : undefined);
    }
  }

  /** @returns whether it has started */
  #try(front: Front): boolean {
    const { pending, line } = front;
    if (!pending) return false;
    const answer = this.#roomFor(line.ask.kind) >= 0 ? this.cycle.attempt(pending, false) : [];
    if (answer === undefined) {
      this.#rooms.clear();
      front.next(pending);
      return true;
    }
    if (!Array.isArray(answer)) this.#refuse(front, answer);
    else if (answer.length > 0) this.#refuse(front, tellingReason(answer));
    const isCapped = !Array.isArray(answer) && answer.code === 'UserCap';
    const isLong = Array.isArray(answer) && answer.some(waitsForTime);
    if ((isCapped && front.nextUser()) || (isLong && front.nextOverdue())) return false;
    front.pending = undefined;
    if (!isLong && !isCapped) this.given.closed.add(line.ask);
    return false;
  }

  #refuse({ pending }: Front, reason: WaitReason): void {
    if (!pending) return;
    const { id } = pending.workload;
    this.cycle.refused.push({ pending, reason });
    if (LACKS.has(reason.code) && pending.group.class && !this.cycle.state.nominations.has(id))
      this.given.refused.add(id);
  }

  /** Nothing of it could start any more. */
  #isFull(): boolean {
    return ![...this.#kinds].some((kind) => {
      const shortest = kind.ranks.get(this.rank)?.first()?.shortestMs;
      return shortest !== undefined && this.#isOfUse(shortest, this.#roomFor(kind));
    });
  }

  /** Who can't start is looked at only where its refusal may lead to an eviction. */
  #isOfUse(shortestMs: number, room: number): boolean {
    const { mayEvict, refused } = this.given;
    return room >= 0 && (shortestMs <= room || (mayEvict && refused.size < MOST_TRIES));
  }

  #isLeft(front: Front): boolean {
    const { state } = this.cycle;
    const { ask, shortestMs } = front.line;
    if (this.given.closed.has(ask) || state.ranking.isClosed(ask)) return false;
    if (!this.#isOfUse(shortestMs, this.#roomFor(ask.kind))) return false;
    front.borrows = borrows(state, ask);
    return true;
  }

  #roomFor(kind: Kind): number {
    const known = this.#rooms.get(kind) ?? openFor(this.cycle, this.given, kind);
    this.#rooms.set(kind, known);
    return known;
  }
}

const waitsForTime = ({ reason: { code } }: NoRoom): boolean => code === 'BehindHead' || code === 'ReservedFor';

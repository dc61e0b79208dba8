import type { Amounts } from './amounts.js';
import type { Candidate } from './candidate.js';
import { SortedList } from './sorted-list.js';

/** Those of one shape and rank. */
export interface ShapeLine {
  readonly shape: string;
  readonly rank: number;
  readonly maxWaitMs: number;
  readonly amounts: Amounts;
  /** Shortest first. */
  readonly byDuration: SortedList<Candidate>;
  /** Oldest first. */
  readonly byAge: SortedList<Candidate>;
}

const byId = (a: Candidate, b: Candidate): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
/** First come, first served; the id settles ties. */
export const byAge = (a: Candidate, b: Candidate): number => a.submittedAt - b.submittedAt || byId(a, b);
/** Shortest first. */
export const byDuration = (a: Candidate, b: Candidate): number => a.durationMs - b.durationMs || byAge(a, b);

/** All that wait for one flavor, so that a cycle looks at a shape once and not at each that has it. */
export class CandidateIndex {
  readonly #candidates = new Map<string, Candidate>();
  readonly #lines = new Map<string, ShapeLine>();

  get size(): number {
    return this.#candidates.size;
  }

  /** @throws RangeError when one with its id is there */
  add(candidate: Candidate): void {
    const { id, shape, rank, maxWaitMs, amounts } = candidate;
    if (this.#candidates.has(id)) throw new RangeError(`${id} waits already`);
    this.#candidates.set(id, candidate);
    const key = keyOf(candidate);
    let line = this.#lines.get(key);
    if (line === undefined) {
      const lists = { byDuration: new SortedList(byDuration), byAge: new SortedList(byAge) };
      line = { shape, rank, maxWaitMs, amounts, ...lists };
      this.#lines.set(key, line);
    }
    line.byDuration.add(candidate);
    line.byAge.add(candidate);
  }

  /** @returns what was removed; undefined where it was not there */
  remove(id: string): Candidate | undefined {
    const candidate = this.#candidates.get(id);
    if (candidate === undefined) return undefined;
    this.#candidates.delete(id);
    const key = keyOf(candidate);
    const line = this.#lines.get(key) as ShapeLine;
    line.byDuration.delete(candidate);
    line.byAge.delete(candidate);
    if (line.byAge.size === 0) this.#lines.delete(key);
    return candidate;
  }

  lines(): Iterable<ShapeLine> {
    return this.#lines.values();
  }
}

const keyOf = ({ shape, rank }: Candidate): string => `${rank} ${shape}`;

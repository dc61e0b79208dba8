import type { Amounts } from './amounts.js';
import type { Candidate } from './candidate.js';
import { SortedList } from './sorted-list.js';

/** Those of one shape and rank. */
export interface ShapeLine {
  readonly shape: string;
  readonly rank: number;
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
  /** One line for each rank in which a shape waits. */
  readonly #lines = new Map<string, ShapeLine[]>();

  get size(): number {
    return this.#candidates.size;
  }

  get(id: string): Candidate | undefined {
    return this.#candidates.get(id);
  }

  /** @throws RangeError when one with its id is there */
  add(candidate: Candidate): void {
    const { id, shape } = candidate;
    if (this.#candidates.has(id)) throw new RangeError(`${id} waits already`);
    this.#candidates.set(id, candidate);
    const lines = this.#lines.get(shape) ?? [];
    if (lines.length === 0) this.#lines.set(shape, lines);
    let line = lines.find(({ rank }) => rank === candidate.rank);
    if (line === undefined) {
      line = lineOf(candidate);
      lines.push(line);
    }
    line.byDuration.add(candidate);
    line.byAge.add(candidate);
  }

  /** @returns what was removed; undefined where it was not there */
  remove(id: string): Candidate | undefined {
    const candidate = this.#candidates.get(id);
    if (candidate === undefined) return undefined;
    this.#candidates.delete(id);
    const lines = this.#lines.get(candidate.shape) as ShapeLine[];
    const at = lines.findIndex(({ rank }) => rank === candidate.rank);
    const line = lines[at] as ShapeLine;
    line.byDuration.delete(candidate);
    line.byAge.delete(candidate);
    if (line.byAge.size === 0) lines.splice(at, 1);
    if (lines.length === 0) this.#lines.delete(candidate.shape);
    return candidate;
  }

  /** @param shapes  absent: all */
  *lines(shapes?: ReadonlySet<string>): Generator<ShapeLine> {
    for (const shape of shapes ?? this.#lines.keys()) yield* this.#lines.get(shape) ?? [];
  }
}

const lineOf = ({ shape, rank, amounts }: Candidate): ShapeLine => ({
  shape,
  rank,
  amounts,
  byDuration: new SortedList(byDuration),
  byAge: new SortedList(byAge),
});

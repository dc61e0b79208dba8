import { shapeKey } from '../placement/shape.js';
import type { CoreWorkload } from './model.js';

/** Workloads that are alike in all that decides on a start: only the first of them need be looked at. */
export interface Line {
  readonly key: string;
  /** By submit time, then id. Never empty. */
  readonly workloads: CoreWorkload[];
}

/** All that wait. */
export class Lines {
  readonly #lines = new Map<string, Line>();
  readonly #lineOf = new Map<string, Line>();

  get size(): number {
    return this.#lineOf.size;
  }

  has(id: string): boolean {
    return this.#lineOf.has(id);
  }

  all(): Line[] {
    return [...this.#lines.values()];
  }

  add(workload: CoreWorkload): void {
    const key = lineKey(workload);
    let line = this.#lines.get(key);
    if (!line) {
      line = { key, workloads: [] };
      this.#lines.set(key, line);
    }
    this.#lineOf.set(workload.id, line);
    // Nearly always the last.
    let place = line.workloads.length;
    while (place > 0 && goesBefore(workload, line.workloads[place - 1] as CoreWorkload)) place -= 1;
    line.workloads.splice(place, 0, workload);
  }

  remove(id: string): void {
    const line = this.#lineOf.get(id);
    if (!line) return;
    this.#lineOf.delete(id);
    line.workloads.splice(
      line.workloads.findIndex((one) => one.id === id),
      1,
    );
    if (line.workloads.length === 0) this.#lines.delete(line.key);
  }
}

const goesBefore = (a: CoreWorkload, b: CoreWorkload): boolean =>
  a.submittedAt < b.submittedAt || (a.submittedAt === b.submittedAt && a.id < b.id);

const lineKey = ({ queue, user, project, class: name, offset, flavors, request, wallMs }: CoreWorkload): string =>
  JSON.stringify([queue, user, project, name, offset, flavors, shapeKey(request), wallMs]);

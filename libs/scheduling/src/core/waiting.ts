import { Heap } from './heap.js';
import type { Group, Kind, Pending, QueueLine } from './line.js';
import { Lines } from './lines.js';
import type { ClassConfig, CoreWorkload } from './model.js';
import { effectiveRank } from './order.js';

/** All that wait, so that a cycle looks at an ask once and not at each that has it. */
export class Waiting {
  readonly #lines = new Lines();
  readonly #pendings = new Map<string, Pending>();
  readonly #raises = new Heap<{ at: number; id: string }>();
  /** How many wait of each class. */
  readonly #classSizes = new Map<string, number>();
  #classes: readonly ClassConfig[] = [];
  /** Groups whose place in the order may have changed since it was last asked for. */
  readonly changed = new Set<Group>();
  /** Users whose usage in a queue has changed since. */
  readonly changedUsers = new Map<QueueLine, Set<string>>();
  /** Whether that holds for all. */
  allChanged = true;

  get size(): number {
    return this.#pendings.size;
  }

  /** By queue. */
  get lines(): ReadonlyMap<string, QueueLine> {
    return this.#lines.queues;
  }

  get kinds(): ReadonlyMap<string, Kind> {
    return this.#lines.kinds;
  }

  get(id: string): Pending | undefined {
    return this.#pendings.get(id);
  }

  has(className: string): boolean {
    return (this.#classSizes.get(className) ?? 0) > 0;
  }

  *workloads(): Generator<CoreWorkload> {
    for (const { workload } of this.#pendings.values()) yield workload;
  }

  /** Takes those that wait into other classes. */
  configure(classes: readonly ClassConfig[], now: number): void {
    this.#classes = classes;
    const all = [...this.workloads()];
    this.#pendings.clear();
    this.#classSizes.clear();
    this.#lines.clear();
    while (this.#raises.pop());
    this.reorder();
    for (const workload of all) this.add(workload, now);
  }

  add(workload: CoreWorkload, now: number): void {
    const own = this.#classes.find(({ name }) => name === workload.class) ?? null;
    const raise = own && effectiveRank(own, this.#classes, now - workload.submittedAt);
    if (raise?.raisedAfterMs != null)
      this.#raises.push({ at: workload.submittedAt + raise.raisedAfterMs, id: workload.id });
    const group = this.#lines.groupOf(workload, own, raise?.rank ?? -1);
    const pending = { workload, group, durationMs: Math.max(1, workload.wallMs ?? own?.leaseMs ?? 1) };
    this.#pendings.set(workload.id, pending);
    this.#lines.add(pending);
    this.#count(workload, 1);
    this.#change(group);
  }

  remove(id: string): void {
    const pending = this.#pendings.get(id);
    if (!pending) return;
    this.#pendings.delete(id);
    this.#lines.remove(pending);
    this.#count(pending.workload, -1);
    this.#change(pending.group);
  }

  /** Raises the ranks of those who have waited so long. */
  advance(now: number): void {
    for (let due = this.#raises.first; due && due.at <= now; due = this.#raises.first) {
      this.#raises.pop();
      const workload = this.#pendings.get(due.id)?.workload;
      if (!workload) continue;
      this.remove(due.id);
      this.add(workload, now);
    }
  }

  /** When a rank is raised next, perhaps. */
  nextRaiseAt(): number {
    // Of those that have left.
    while (this.#raises.first && !this.#pendings.has(this.#raises.first.id)) this.#raises.pop();
    return this.#raises.first?.at ?? Infinity;
  }

  /** What decides on the order has changed: for all, or for one user in a queue. */
  reorder(queue?: string, user?: string): void {
    if (queue === undefined || user === undefined) {
      this.allChanged = true;
      this.seen();
      return;
    }
    const line = this.#lines.queues.get(queue);
    if (!line || this.allChanged) return;
    const users = this.changedUsers.get(line) ?? new Set();
    this.changedUsers.set(line, users.add(user));
  }

  /** What has changed is known. */
  seen(): void {
    this.changed.clear();
    this.changedUsers.clear();
  }

  #change(group: Group): void {
    if (!this.allChanged) this.changed.add(group);
  }

  #count({ class: name }: CoreWorkload, by: 1 | -1): void {
    this.#classSizes.set(name, (this.#classSizes.get(name) ?? 0) + by);
  }
}

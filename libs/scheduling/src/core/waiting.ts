import type { Amounts } from '../backfill/amounts.js';
import { SortedList } from '../backfill/sorted-list.js';
import type { NodeSet } from '../placement/node-set.js';
import { type Shape, shapeKey } from '../placement/shape.js';
import { amountsOf } from './amounts-of.js';
import { Heap } from './heap.js';
import type { ClassConfig, CoreWorkload } from './model.js';
import { effectiveRank } from './order.js';

/** One that waits. */
export interface Pending {
  readonly workload: CoreWorkload;
  readonly group: Group;
  /** Holds its place at most so long: its wall limit, else its class's lease. */
  readonly durationMs: number;
}

/** Those of one ask that are alike in all that decides on a start, but for their age and duration. */
export interface Group {
  readonly ask: Ask;
  readonly user: string;
  readonly project: string | null;
  readonly instrument: string | null;
  /** Null: is configured no more. */
  readonly class: ClassConfig | null;
  /** Effective. */
  readonly rank: number;
  readonly byAge: SortedList<Pending>;
  /** Of `byAge`, at hand: looking it up costs more than all that is then done with it. */
  first: Pending | undefined;
}

/** Those of one ask and one effective rank, whosever they are. */
export interface RankLine {
  readonly ask: Ask;
  readonly rank: number;
  readonly byAge: SortedList<Pending>;
  readonly byDuration: SortedList<Pending>;
  /** At hand, as above. */
  oldest: Pending | undefined;
  shortest: Pending | undefined;
  /** Of the shortest; 0: it has a lease, which may be cut short. */
  shortestMs: number;
}

/** Those of one queue that ask for the same: what has no room for one of them has none for another. */
export interface Ask {
  readonly line: QueueLine;
  readonly key: string;
  readonly flavors: readonly string[];
  readonly request: CoreWorkload['request'];
  readonly amounts: Amounts;
  readonly groups: Map<string, Group>;
  readonly ranks: Map<number, RankLine>;
  /** As the nodes of each flavor know it. */
  readonly shapes: Map<NodeSet, Shape>;
  /** The group whose turn it is; undefined: to be found anew. */
  top: Group | undefined;
  /** Whether one more would be beyond the queue's own quota, as of a version of its account. */
  borrows: { at: number; is: boolean };
}

/** All that wait in one queue. */
export interface QueueLine {
  readonly queue: string;
  readonly asks: Map<string, Ask>;
  size: number;
  /** The group whose turn it is, as of a version of its account; undefined: to be found anew. */
  top: { group: Group; at: number } | undefined;
}

export const compareIds = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
export const compareAge = ({ workload: a }: Pending, { workload: b }: Pending): number =>
  b.offset - a.offset || a.submittedAt - b.submittedAt || compareIds(a.id, b.id);
export const compareDuration = (a: Pending, b: Pending): number => a.durationMs - b.durationMs || compareAge(a, b);

/** The one object that stands for what is asked among the nodes of a flavor. */
export function shapeIn({ shapes, request }: Ask, nodes: NodeSet): Shape {
  let shape = shapes.get(nodes);
  if (!shape) {
    shape = nodes.shape(request);
    shapes.set(nodes, shape);
  }
  return shape;
}

/** All that wait, so that a cycle looks at an ask once and not at each that has it. */
export class Waiting {
  readonly lines = new Map<string, QueueLine>();
  readonly #pendings = new Map<string, Pending>();
  readonly #raises = new Heap<{ at: number; id: string }>();
  #classes: readonly ClassConfig[] = [];

  get size(): number {
    return this.#pendings.size;
  }

  get(id: string): Pending | undefined {
    return this.#pendings.get(id);
  }

  *workloads(): Generator<CoreWorkload> {
    for (const { workload } of this.#pendings.values()) yield workload;
  }

  /** Takes those that wait into other classes. */
  configure(classes: readonly ClassConfig[], now: number): void {
    this.#classes = classes;
    const all = [...this.workloads()];
    this.#pendings.clear();
    this.lines.clear();
    while (this.#raises.pop());
    for (const workload of all) this.add(workload, now);
  }

  add(workload: CoreWorkload, now: number): void {
    const own = this.#classes.find(({ name }) => name === workload.class) ?? null;
    const raise = own && effectiveRank(own, this.#classes, now - workload.submittedAt);
    if (raise?.raisedAfterMs != null)
      this.#raises.push({ at: workload.submittedAt + raise.raisedAfterMs, id: workload.id });
    const group = this.#groupOf(workload, own, raise?.rank ?? -1);
    const pending = { workload, group, durationMs: Math.max(1, workload.wallMs ?? own?.leaseMs ?? 1) };
    this.#pendings.set(workload.id, pending);
    group.byAge.add(pending);
    const line = rankLine(group);
    line.byAge.add(pending);
    line.byDuration.add(pending);
    atHand(group, line);
    group.ask.line.size += 1;
    group.ask.top = group.ask.line.top = undefined;
  }

  remove(id: string): void {
    const pending = this.#pendings.get(id);
    if (!pending) return;
    const { group } = pending;
    const { ask } = group;
    this.#pendings.delete(id);
    group.byAge.delete(pending);
    const line = rankLine(group);
    line.byAge.delete(pending);
    line.byDuration.delete(pending);
    atHand(group, line);
    if (line.byAge.size === 0) ask.ranks.delete(line.rank);
    ask.line.size -= 1;
    ask.top = ask.line.top = undefined;
    if (group.byAge.size > 0) return;
    ask.groups.delete(groupKey(group, group.class?.name ?? '', group.rank));
    if (ask.groups.size === 0) ask.line.asks.delete(ask.key);
    if (ask.line.asks.size === 0) this.lines.delete(ask.line.queue);
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

  /** Shares have changed: of all, of a queue, or of one user in it. */
  reorder(queue?: string, user?: string): void {
    for (const line of queue === undefined ? this.lines.values() : [this.lines.get(queue)]) {
      if (!line) continue;
      line.top = undefined;
      for (const ask of line.asks.values()) if (user === undefined || ask.top?.user === user) ask.top = undefined;
    }
  }

  #groupOf(workload: CoreWorkload, own: ClassConfig | null, rank: number): Group {
    let line = this.lines.get(workload.queue);
    if (!line) {
      line = { queue: workload.queue, asks: new Map(), size: 0, top: undefined };
      this.lines.set(workload.queue, line);
    }
    const askKey = `${workload.flavors.join('|')} ${shapeKey(workload.request)}`;
    let ask = line.asks.get(askKey);
    if (!ask) {
      const { flavors, request } = workload;
      ask = { line, key: askKey, flavors, request, amounts: amountsOf(request), ...fresh() };
      line.asks.set(askKey, ask);
    }
    const key = groupKey(workload, workload.class, rank);
    let group = ask.groups.get(key);
    if (!group) {
      const { user, project, instrument } = workload;
      group = { ask, user, project, instrument, class: own, rank, byAge: new SortedList(compareAge), first: undefined };
      ask.groups.set(key, group);
    }
    return group;
  }
}

function atHand(group: Group, line: RankLine): void {
  group.first = group.byAge.first();
  line.oldest = line.byAge.first();
  line.shortest = line.byDuration.first();
  line.shortestMs = line.shortest?.workload.wallMs == null ? 0 : line.shortest.durationMs;
}

function rankLine({ ask, rank }: Group): RankLine {
  const known = ask.ranks.get(rank);
  if (known) return known;
  const line: RankLine = {
    ...{ ask, rank, byAge: new SortedList(compareAge), byDuration: new SortedList(compareDuration) },
    ...{ oldest: undefined, shortest: undefined, shortestMs: 0 },
  };
  ask.ranks.set(rank, line);
  return line;
}

const fresh = () => ({
  groups: new Map<string, Group>(),
  ranks: new Map<number, RankLine>(),
  shapes: new Map<NodeSet, Shape>(),
  top: undefined,
  borrows: { at: -1, is: false },
});

const groupKey = (
  { user, project, instrument }: Pick<Group, 'user' | 'project' | 'instrument'>,
  name: string,
  rank: number,
): string => `${rank}\n${name}\n${user}\n${project ?? ''}\n${instrument ?? ''}`;

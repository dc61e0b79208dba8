import type { Amounts } from '../backfill/amounts.js';
import type { SortedList } from '../backfill/sorted-list.js';
import type { NodeSet } from '../placement/node-set.js';
import type { Shape } from '../placement/shape.js';
import type { ClassConfig, CoreWorkload } from './model.js';
import type { Placed, PlacedHeap } from './placed-heap.js';

/** One that waits. */
export interface Pending {
  readonly workload: CoreWorkload;
  readonly group: Group;
  /** Holds its place at most so long: its wall limit, else its class's lease. */
  readonly durationMs: number;
}

/** Those of one ask that are alike in all that decides on a start, but for their age and duration. */
export interface Group extends Placed {
  readonly ask: Ask;
  readonly user: string;
  readonly project: string | null;
  readonly instrument: string | null;
  /** Null: is configured no more. */
  readonly class: ClassConfig | null;
  /** Effective. */
  readonly rank: number;
  readonly byAge: SortedList<Pending>;
  /** Another one of its user in the queue, and so on. */
  alike: Group | undefined;
  /** By what it is ranked, as `Ranking` saw it last: whose turn it is; undefined: nobody's. */
  next: Pending | undefined;
  usage: number;
  owns: boolean;
}

/** Those of one ask and one effective rank, whosever they are. */
export interface RankLine {
  readonly ask: Ask;
  readonly rank: number;
  readonly byAge: SortedList<Pending>;
  readonly byDuration: SortedList<Pending>;
  /** At hand: looking it up costs more than all that is then done with it. */
  shortest: Pending | undefined;
  /** Of the shortest; 0: it has a lease, which may be cut short. */
  shortestMs: number;
}

/** All that ask for the same, in whatever queue: where there is no room for one there is none for another. */
export interface Kind {
  readonly key: string;
  readonly flavors: readonly string[];
  readonly request: CoreWorkload['request'];
  readonly amounts: Amounts;
  /** As the nodes of each flavor know it. */
  readonly shapes: Map<NodeSet, Shape>;
  /** Per rank the lines of all queues, the one with the shortest first. */
  readonly ranks: Map<number, SortedList<RankLine>>;
}

/** Those of one queue that ask for the same: what has no room for one of them has none for another. */
export interface Ask extends Placed, Pick<Kind, 'key' | 'flavors' | 'request' | 'amounts'> {
  readonly line: QueueLine;
  readonly lane: Lane;
  readonly kind: Kind;
  readonly groups: Map<string, Group>;
  readonly ranks: Map<number, RankLine>;
  /** By whose turn it is. */
  readonly contest: PlacedHeap<Group>;
  /** Whether one more would be beyond the queue's own quota, as of a version of its account. */
  borrows: { at: number; is: boolean };
  /** The same as `Ranking` saw it last. */
  isBeyond: boolean;
}

/** The asks of one queue that may run on the same flavors, in the same order of preference. */
export interface Lane {
  readonly line: QueueLine;
  readonly key: string;
  readonly flavors: readonly string[];
  readonly contest: PlacedHeap<Ask>;
  asks: number;
}

/** All that wait in one queue. */
export interface QueueLine {
  readonly queue: string;
  readonly asks: Map<string, Ask>;
  readonly lanes: Map<string, Lane>;
  /** The first of each user's groups. */
  readonly users: Map<string, Group>;
  size: number;
}

export const compareIds = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
export const compareAge = ({ workload: a }: Pending, { workload: b }: Pending): number =>
  b.offset - a.offset || a.submittedAt - b.submittedAt || compareIds(a.id, b.id);
export const compareDuration = (a: Pending, b: Pending): number => a.durationMs - b.durationMs || compareAge(a, b);
/** Of one kind and rank. */
export const compareShortest = (a: RankLine, b: RankLine): number =>
  a.shortestMs - b.shortestMs || compareIds(a.ask.line.queue, b.ask.line.queue);

/** The one object that stands for what is asked among the nodes of a flavor. */
export function shapeIn({ shapes, request }: Kind, nodes: NodeSet): Shape {
  let shape = shapes.get(nodes);
  if (!shape) {
    shape = nodes.shape(request);
    shapes.set(nodes, shape);
  }
  return shape;
}

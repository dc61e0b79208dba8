import { SortedList } from '../backfill/sorted-list.js';
import { shapeKey } from '../placement/shape.js';
import { amountsOf } from './amounts-of.js';
import {
  type Ask,
  compareAge,
  compareDuration,
  compareShortest,
  type Group,
  type Kind,
  type Lane,
  type Pending,
  type QueueLine,
  type RankLine,
} from './line.js';
import type { ClassConfig, CoreWorkload } from './model.js';
import { PlacedHeap } from './placed-heap.js';
import { compareAsks, compareGroups } from './turn.js';

/** The lines of all queues. What has become empty is forgotten. */
export class Lines {
  readonly queues = new Map<string, QueueLine>();
  readonly kinds = new Map<string, Kind>();

  clear(): void {
    this.queues.clear();
    this.kinds.clear();
  }

  add(pending: Pending): void {
    const { group } = pending;
    group.byAge.add(pending);
    const line = rankLine(group);
    line.byAge.add(pending);
    line.byDuration.add(pending);
    atHand(line);
    group.ask.line.size += 1;
  }

  remove(pending: Pending): void {
    const { group } = pending;
    group.byAge.delete(pending);
    const line = rankLine(group);
    line.byAge.delete(pending);
    line.byDuration.delete(pending);
    atHand(line);
    group.ask.line.size -= 1;
    if (line.byAge.size === 0) group.ask.ranks.delete(line.rank);
    if (group.byAge.size === 0) this.#forget(group);
  }

  /** Where such a workload waits. */
  groupOf(workload: CoreWorkload, own: ClassConfig | null, rank: number): Group {
    const ask = this.#askOf(workload);
    const key = groupKey(workload, workload.class, rank);
    const known = ask.groups.get(key);
    if (known) return known;
    const { user, project, instrument } = workload;
    const { users } = ask.line;
    const group: Group = {
      ...{ ask, user, project, instrument, class: own, rank, byAge: new SortedList(compareAge) },
      ...{ alike: users.get(user), next: undefined, usage: 0, owns: false, at: -1 },
    };
    users.set(user, group);
    ask.groups.set(key, group);
    return group;
  }

  #askOf({ queue, flavors, request }: CoreWorkload): Ask {
    const line = this.queues.get(queue) ?? { queue, asks: new Map(), lanes: new Map(), users: new Map(), size: 0 };
    this.queues.set(queue, line);
    const laneKey = flavors.join('|');
    const key = `${laneKey} ${shapeKey(request)}`;
    const known = line.asks.get(key);
    if (known) return known;
    const kind = this.kinds.get(key) ?? kindOf(key, flavors, request);
    this.kinds.set(key, kind);
    const lane = line.lanes.get(laneKey) ?? laneOf(line, laneKey, kind.flavors);
    line.lanes.set(laneKey, lane);
    lane.asks += 1;
    const ask: Ask = {
      ...{ line, lane, kind, key, flavors: kind.flavors, request: kind.request, amounts: kind.amounts },
      ...{ groups: new Map(), ranks: new Map(), contest: new PlacedHeap(compareGroups) },
      ...{ borrows: { at: -1, is: false }, isBeyond: false, at: -1 },
    };
    line.asks.set(key, ask);
    return ask;
  }

  #forget(group: Group): void {
    const { ask } = group;
    const { line, lane, kind } = ask;
    ask.groups.delete(groupKey(group, group.class?.name ?? '', group.rank));
    unchain(line.users, group);
    if (ask.groups.size > 0) return;
    line.asks.delete(ask.key);
    if (kind.ranks.size === 0) this.kinds.delete(kind.key);
    lane.asks -= 1;
    if (lane.asks === 0) line.lanes.delete(lane.key);
    if (line.asks.size === 0) this.queues.delete(line.queue);
  }
}

/** Moves it among those of its kind, where its shortest has changed. */
function atHand(line: RankLine): void {
  const { ask, rank, shortest } = line;
  line.shortest = line.byDuration.first();
  const ms = line.shortest?.workload.wallMs == null ? 0 : line.shortest.durationMs;
  if (ms === line.shortestMs && (line.shortest === undefined) === (shortest === undefined)) return;
  const { ranks } = ask.kind;
  const lines = ranks.get(rank) ?? new SortedList(compareShortest);
  ranks.set(rank, lines);
  if (shortest) lines.delete(line);
  line.shortestMs = ms;
  if (line.shortest) lines.add(line);
  if (lines.size === 0) ranks.delete(rank);
}

function rankLine({ ask, rank }: Group): RankLine {
  const known = ask.ranks.get(rank);
  if (known) return known;
  const line: RankLine = {
    ...{ ask, rank, byAge: new SortedList(compareAge), byDuration: new SortedList(compareDuration) },
    ...{ shortest: undefined, shortestMs: 0 },
  };
  ask.ranks.set(rank, line);
  return line;
}

function unchain(users: Map<string, Group>, group: Group): void {
  const first = users.get(group.user);
  if (first === group) {
    if (group.alike) users.set(group.user, group.alike);
    else users.delete(group.user);
  } else {
    let before = first;
    while (before && before.alike !== group) before = before.alike;
    if (before) before.alike = group.alike;
  }
}

const kindOf = (key: string, flavors: readonly string[], request: CoreWorkload['request']): Kind => ({
  ...{ key, flavors, request, amounts: amountsOf(request), shapes: new Map(), ranks: new Map() },
});

const laneOf = (line: QueueLine, key: string, flavors: readonly string[]): Lane => ({
  ...{ line, key, flavors, contest: new PlacedHeap(compareAsks), asks: 0 },
});

const groupKey = (
  { user, project, instrument }: Pick<Group, 'user' | 'project' | 'instrument'>,
  name: string,
  rank: number,
): string => `${rank}\n${name}\n${user}\n${project ?? ''}\n${instrument ?? ''}`;

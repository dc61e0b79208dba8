import type { Ask, Group, Lane, Pending, QueueLine } from './line.js';
import { runs } from './reservations.js';
import { Standings } from './standings.js';
import { borrows, compareClaims, compareTurns, compareUsers, type Grounds, owns, type Turn, turnOf } from './turn.js';
import type { Waiting } from './waiting.js';

/** The order among those who may run on the same flavors. */
interface Track {
  readonly flavors: readonly string[];
  readonly standings: Standings<Group>;
}

/**
 * Whose turn it is, kept from step to step: the first group of each ask, the first ask of each lane, and the first lane by
 * the shares of the queues. What happens to a workload, its user or its queue moves these alone. One cycle may pass over
 * some; `restore` puts them back.
 */
export class Ranking {
  readonly #tracks = new Map<string, Track>();
  /** Where a group goes on whose first ones were passed over; null: nowhere. */
  readonly #after = new Map<Group, Pending | null>();
  readonly #closedAsks = new Set<Ask>();
  readonly #closedLines = new Set<QueueLine>();
  /** Reservations that ran when owners were last told from others. */
  #running = '';

  constructor(private readonly state: Grounds & { readonly waiting: Waiting }) {}

  /** Of those that were not passed over and may run on such flavors; undefined: nobody is left. */
  first(isOpen: (flavors: readonly string[]) => boolean): Pending | undefined {
    this.#refresh();
    let best: Turn | undefined;
    for (const { flavors, standings } of this.#tracks.values()) {
      const pending = standings.first?.next;
      if (!pending || !isOpen(flavors)) continue;
      const turn = turnOf(this.state, pending, this.state.shares.pathShares(pending.workload.queue));
      if (!best || compareTurns(turn, best) < 0) best = turn;
    }
    return best?.pending;
  }

  /** Goes on behind it. */
  pass(pending: Pending): void {
    this.#after.set(pending.group, pending);
    this.#place(pending.group);
  }

  closeGroup(group: Group): void {
    this.#after.set(group, null);
    this.#place(group);
  }

  closeAsk(ask: Ask): void {
    this.#closedAsks.add(ask);
    this.#placeAsk(ask);
  }

  closeLine(line: QueueLine): void {
    this.#closedLines.add(line);
    for (const lane of line.lanes.values()) this.#placeLane(lane);
  }

  isClosed(ask: Ask): boolean {
    return this.#closedAsks.has(ask) || this.#closedLines.has(ask.line);
  }

  /** Ends a cycle. */
  restore(): void {
    const [groups, asks, lines] = [[...this.#after.keys()], [...this.#closedAsks], [...this.#closedLines]];
    this.#after.clear();
    this.#closedAsks.clear();
    this.#closedLines.clear();
    for (const group of groups) this.#place(group);
    for (const ask of asks) this.#placeAsk(ask);
    for (const line of lines) for (const lane of line.lanes.values()) this.#placeLane(lane);
  }

  /** One thing after the other: a heap takes only one change of a key at a time. */
  #refresh(): void {
    const { waiting, ledger, shares, config, now } = this.state;
    const running = config.reservations.filter((one) => runs(one, now)).map(({ id }) => id);
    if (waiting.allChanged || running.join(' ') !== this.#running) this.#anew();
    else {
      for (const group of waiting.changed) this.#place(group);
      for (const [line, users] of waiting.changedUsers) for (const user of users) this.#use(line, user);
      for (const queue of ledger.changed) this.#borrowing(waiting.lines.get(queue));
      for (const queue of new Set([...ledger.changed, ...shares.changed]))
        for (const { standings } of this.#tracks.values()) standings.reseat(queue);
    }
    this.#running = running.join(' ');
    waiting.allChanged = false;
    waiting.seen();
    ledger.changed.clear();
    shares.changed.clear();
  }

  #anew(): void {
    this.#tracks.clear();
    for (const line of this.state.waiting.lines.values()) {
      const lanes = new Map<Lane, Ask[]>([...line.lanes.values()].map((lane) => [lane, []]));
      for (const ask of line.asks.values()) {
        ask.isBeyond = borrows(this.state, ask);
        const groups = [...ask.groups.values()];
        for (const group of groups) this.#look(group);
        ask.contest.fill(groups.filter(({ next }) => next));
        if (ask.contest.first && !this.#closedAsks.has(ask)) lanes.get(ask.lane)?.push(ask);
      }
      for (const [lane, asks] of lanes) {
        lane.contest.fill(asks);
        this.#placeLane(lane);
      }
    }
  }

  /** The quota of its queue is used otherwise. */
  #borrowing(line: QueueLine | undefined): void {
    for (const ask of line?.asks.values() ?? []) {
      const is = borrows(this.state, ask);
      if (is === ask.isBeyond) continue;
      ask.isBeyond = is;
      this.#placeAsk(ask);
    }
  }

  #look(group: Group): void {
    const after = this.#after.get(group);
    if (after === null) group.next = undefined;
    else group.next = after ? group.byAge.after(after) : group.byAge.first();
    group.usage = this.state.shares.userShare(group.ask.line.queue, group.user);
    group.owns = owns(this.state, group);
  }

  #place(group: Group): void {
    this.#look(group);
    this.#put(group);
  }

  /** A user has had more, or less. */
  #use({ queue, users }: QueueLine, user: string): void {
    const usage = this.state.shares.userShare(queue, user);
    for (let group = users.get(user); group; group = group.alike) {
      if (group.at < 0 || group.usage === usage) continue;
      group.usage = usage;
      this.#put(group);
    }
  }

  #put(group: Group): void {
    const { ask } = group;
    if (ask.at < 0) ask.isBeyond = borrows(this.state, ask);
    const { first } = ask.contest;
    if (group.next) ask.contest.put(group);
    else ask.contest.drop(group);
    if (first === group || ask.contest.first !== first) this.#placeAsk(ask);
  }

  #placeAsk(ask: Ask): void {
    const { contest } = ask.lane;
    const { first } = contest;
    if (ask.contest.first && !this.#closedAsks.has(ask)) contest.put(ask);
    else contest.drop(ask);
    if (first === ask || contest.first !== first) this.#placeLane(ask.lane);
  }

  #placeLane({ line: { queue }, key, flavors }: Lane): void {
    const line = this.state.waiting.lines.get(queue);
    // The one that there is now: it may have become empty, and been made again.
    const first = line && !this.#closedLines.has(line) ? line.lanes.get(key)?.contest.first : undefined;
    let track = this.#tracks.get(key);
    if (!track) {
      track = { flavors, standings: new Standings(this.state.shares, compareClaims, compareUsers) };
      this.#tracks.set(key, track);
    }
    track.standings.send(queue, first?.contest.first);
  }
}

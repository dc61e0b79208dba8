import { type FlavorAmounts, RESOURCES } from '#libs/contracts';
import { flavorFaults, negative } from './amount-faults.js';
import type { NamedConfig } from './named.js';
import type { Fault } from './place.js';

/** What all nodes of each flavor have together. A flavor that is absent has no nodes. */
export type NodeTotals = Readonly<Record<string, FlavorAmounts>>;

interface Interval {
  readonly start: number;
  readonly end: number;
  readonly amount: number;
}

/**
 * Unknown names, ends before starts, negative amounts; and, where the nodes are known, amounts that do not fit beside the
 * reservations above: of two that exclude each other, the later one in the list is at fault.
 */
export function reservationFaults(config: NamedConfig, totals?: NodeTotals): Fault[] {
  const faults: Fault[] = [];
  const booked = new Map<string, Interval[]>();
  for (const { value, place } of config.reservations) {
    const { owner, amounts } = value;
    if (!config.queues.has(owner.queue))
      faults.push(place.key('owner', 'queue').fault(`there is no queue ${owner.queue}`));
    faults.push(...flavorFaults(config, amounts, place.key('amounts')));
    const [start, end] = [Date.parse(value.start), Date.parse(value.end)];
    const lasts = start < end;
    if (!lasts) faults.push(place.key('end').fault('is not after the start'));
    for (const [flavor, asked] of Object.entries(amounts)) {
      const at = place.key('amounts', flavor);
      faults.push(...negative(asked, at));
      const kind = config.flavors.get(flavor)?.kind;
      if (!totals || !lasts || !kind) continue;
      for (const resource of RESOURCES) {
        if (kind === 'cpu' && resource === 'gpuMilli') continue;
        const amount = asked[resource] ?? 0;
        if (amount <= 0) continue;
        const others = booked.get(`${flavor} ${resource}`) ?? [];
        const free = (totals[flavor]?.[resource] ?? 0) - peak(others, start, end);
        if (amount > free) faults.push(at.key(resource).fault(`${amount} of ${free} that are free then`));
        else booked.set(`${flavor} ${resource}`, [...others, { start, end, amount }]);
      }
    }
  }
  return faults;
}

/** The most that is booked at any moment of [from, to). It is reached at `from`, or where one begins. */
function peak(intervals: readonly Interval[], from: number, to: number): number {
  const begins = intervals.map(({ start }) => start).filter((start) => start > from && start < to);
  const at = (moment: number): number =>
    intervals.reduce((sum, { start, end, amount }) => sum + (start <= moment && moment < end ? amount : 0), 0);
  return Math.max(...[from, ...begins].map(at));
}

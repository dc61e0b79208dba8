import { type Queue, RESOURCES, type Resource } from '#libs/contracts';
import { flavorFaults, negative } from './amount-faults.js';
import { cohortFaults, rootOf } from './cohort-faults.js';
import type { Named, NamedConfig } from './named.js';
import type { Fault, Place } from './place.js';

interface Share {
  readonly nominal: number;
  readonly borrowLimit: number | null;
  readonly lendLimit: number | null;
}
interface Row {
  readonly queue: Queue;
  readonly place: Place;
  readonly flavor: string;
  readonly resource: Resource;
  readonly share: Share;
}

/** Faults of queues: unknown names, negative amounts, more lent than owned, more borrowed than the others lend. */
export function queueFaults(config: NamedConfig): Fault[] {
  const faults: Fault[] = [];
  for (const { value, place } of config.queues) {
    if (value.cohort !== null && !config.cohorts.has(value.cohort)) {
      faults.push(place.key('cohort').fault(`there is no cohort ${value.cohort}`));
    }
    faults.push(...flavorFaults(config, value.quota, place.key('quota')));
    for (const scope of ['perUser', 'perProject', 'perInstrument'] as const) {
      faults.push(...negative(value.caps[scope], place.key('caps', scope)));
    }
  }
  const rows = [...config.queues].flatMap(rowsOf);
  return [...faults, ...rows.flatMap(shareFaults), ...borrowFaults(config, rows)];
}

const rowsOf = ({ value: queue, place }: Named<Queue>): Row[] =>
  Object.entries(queue.quota).flatMap(([flavor, quota]) =>
    RESOURCES.flatMap((resource) => {
      const share = quota[resource];
      return share ? [{ queue, place: place.key('quota', flavor, resource), flavor, resource, share }] : [];
    }),
  );

function shareFaults({ place, share }: Row): Fault[] {
  const faults = (['nominal', 'borrowLimit', 'lendLimit'] as const)
    .filter((key) => (share[key] ?? 0) < 0)
    .map((key) => place.key(key).fault(`${share[key]} is below 0`));
  if (share.nominal >= 0 && (share.lendLimit ?? 0) > share.nominal) {
    faults.push(place.key('lendLimit').fault(`lends ${share.lendLimit}, has ${share.nominal}`));
  }
  return faults;
}

const isSound = ({ nominal, lendLimit }: Share): boolean => nominal >= 0 && (lendLimit ?? 0) >= 0;
const lent = ({ nominal, lendLimit }: Share): number => Math.min(nominal, lendLimit ?? nominal);

/**
 * Limits beyond what all others of the tree lend together. Not looked at where the tree itself or an amount that is lent
 * is at fault: one mistake is told once, and not again by everybody who borrows.
 */
function borrowFaults(config: NamedConfig, rows: readonly Row[]): Fault[] {
  if (cohortFaults(config).length > 0) return [];
  if ([...config.queues].some(({ value }) => value.cohort !== null && !config.cohorts.has(value.cohort))) return [];
  const root = rootOf(config.cohorts);
  const pools = new Map<string, { lent: number; sound: boolean }>();
  const keyOf = ({ queue, flavor, resource }: Row): string => `${root(queue.cohort as string)} ${flavor} ${resource}`;
  for (const row of rows) {
    if (row.queue.cohort === null) continue;
    const pool = pools.get(keyOf(row)) ?? { lent: 0, sound: true };
    pool.lent += isSound(row.share) ? lent(row.share) : 0;
    pool.sound &&= isSound(row.share);
    pools.set(keyOf(row), pool);
  }
  return rows.flatMap((row) => {
    const { borrowLimit } = row.share;
    if (borrowLimit === null || borrowLimit <= 0) return [];
    const at = row.place.key('borrowLimit');
    if (row.queue.cohort === null) return [at.fault(`borrows ${borrowLimit}, but is in no cohort`)];
    const pool = pools.get(keyOf(row));
    if (!pool?.sound || borrowLimit <= pool.lent - lent(row.share)) return [];
    return [at.fault(`borrows ${borrowLimit}, the others lend ${pool.lent - lent(row.share)}`)];
  });
}

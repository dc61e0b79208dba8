import type { Cohort } from '#libs/contracts';
import type { Named, NamedConfig } from './named.js';
import type { Fault } from './place.js';

/** Parents that there are not, and rings of cohorts: each ring once, at the one of it that stands first. */
export function cohortFaults({ cohorts }: NamedConfig): Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const { name, place, value } of cohorts) {
    const parent = place.key('parent');
    if (value.parent !== null && !cohorts.has(value.parent)) {
      faults.push(parent.fault(`there is no cohort ${value.parent}`));
    }
    const ring = ringFrom(name, (cohort) => cohorts.get(cohort)?.parent ?? null);
    if (ring && !ring.some((cohort) => seen.has(cohort))) {
      faults.push(parent.fault(`a cohort can't be above itself: ${[...ring, name].join(' -> ')}`));
      for (const cohort of ring) seen.add(cohort);
    }
  }
  return faults;
}

/** The way from a cohort to itself, without its return; undefined where it leads to a root or into another ring. */
function ringFrom(start: string, parentOf: (cohort: string) => string | null): string[] | undefined {
  const way = [start];
  const passed = new Set(way);
  for (let next = parentOf(start); next !== null; next = parentOf(next)) {
    if (next === start) return way;
    if (passed.has(next)) return undefined;
    passed.add(next);
    way.push(next);
  }
  return undefined;
}

/** The root above a cohort of a tree without rings and without unknown parents. */
export function rootOf(cohorts: Iterable<Named<Cohort>>): (cohort: string) => string {
  const parents = new Map([...cohorts].map(({ name, value }) => [name, value.parent]));
  return (cohort) => {
    let root = cohort;
    for (let parent = parents.get(root) ?? null; parent !== null; parent = parents.get(root) ?? null) root = parent;
    return root;
  };
}

import type { SchedulingConfig } from '#libs/contracts';
import { negative } from './amount-faults.js';
import { cohortFaults } from './cohort-faults.js';
import { hardwareFaults } from './flavor-faults.js';
import { LISTS, type NamedConfig, named } from './named.js';
import { type Fault, Place } from './place.js';
import { queueFaults } from './quota-faults.js';
import { type NodeTotals, reservationFaults } from './reservation-faults.js';

/**
 * Everything that is wrong with a configuration that its schema lets pass, in the order of its sections.
 *
 * @param totals  of the nodes, by flavor; without it capacity is not looked at
 * @returns none where it can be used as it is
 */
export function configFaults(
  config: SchedulingConfig,
  totals?: NodeTotals,
  hasProfile: (name: string) => boolean = () => true,
): Fault[] {
  const names = named(config);
  return [
    ...LISTS.flatMap((list) => names[list].faults),
    ...hardwareFaults(names),
    ...cohortFaults(names),
    ...queueFaults(names),
    ...reservationFaults(names, totals),
    ...poolFaults(names, hasProfile),
    ...policyFaults(names),
  ];
}

function poolFaults({ pools, flavors }: NamedConfig, hasProfile: (name: string) => boolean): Fault[] {
  const faults: Fault[] = [];
  for (const { value, place } of pools) {
    const { flavor, profile, min, max, budget } = value;
    if (!flavors.has(flavor)) faults.push(place.key('flavor').fault(`there is no flavor ${flavor}`));
    if (profile !== undefined && !hasProfile(profile))
      faults.push(place.key('profile').fault(`there is no profile ${profile}`));
    if (min > max) faults.push(place.key('min').fault(`${min} is above max, ${max}`));
    faults.push(...negative(budget, place.key('budget')));
  }
  return faults;
}

function policyFaults({ policies, classes }: NamedConfig): Fault[] {
  const place = Place.root.key('policies');
  const unknown = Object.keys(policies.halfLifeSeconds).filter((name) => !classes.has(name));
  return [
    ...unknown.map((name) => place.key('halfLifeSeconds', name).fault(`there is no class ${name}`)),
    ...negative(policies.preemptionPerMinute, place.key('preemptionPerMinute')),
  ];
}

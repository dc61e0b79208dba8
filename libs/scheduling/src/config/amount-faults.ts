import { RESOURCES, type Resource } from '#libs/contracts';
import type { NamedConfig } from './named.js';
import type { Fault, Place } from './place.js';

type Amounts = { readonly [R in Resource]?: number | undefined };

/** Amounts below 0. */
export function negative(amounts: Amounts | undefined, place: Place): Fault[] {
  const below = RESOURCES.filter((resource) => (amounts?.[resource] ?? 0) < 0);
  return below.map((resource) => place.key(resource).fault(`${amounts?.[resource]} is below 0`));
}

/** Of entries by name of flavor: flavors that there are not, and GPU of flavors that have none. */
export function flavorFaults(
  { flavors }: NamedConfig,
  entries: Readonly<Record<string, { readonly gpuMilli?: unknown }>>,
  place: Place,
): Fault[] {
  return Object.entries(entries).flatMap(([name, { gpuMilli }]) => {
    const flavor = flavors.get(name);
    if (!flavor) return [place.key(name).fault(`there is no flavor ${name}`)];
    if (flavor.kind === 'cpu' && gpuMilli !== undefined)
      return [place.key(name, 'gpuMilli').fault(`${name} has no GPU`)];
    return [];
  });
}

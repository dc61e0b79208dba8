import type { SchedulingConfig } from '#libs/contracts';
import { type Fault, Place } from './place.js';

/** Lists of the configuration whose entries go by name. */
export const LISTS = ['flavors', 'cohorts', 'queues', 'classes', 'reservations', 'pools'] as const;
export type List = (typeof LISTS)[number];

export interface Named<T> {
  readonly name: string;
  readonly place: Place;
  readonly value: T;
}

/** What an entry goes by: its name, and a pool by its environment and flavor. Undefined where it has none. */
export function entryName(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { name, environment, flavor } = entry as Record<string, unknown>;
  if (typeof name === 'string') return name;
  return typeof environment === 'string' && typeof flavor === 'string' ? `${environment}.${flavor}` : undefined;
}

/** The entries of a list. Of those of one name the first; the others are faults. */
export class Names<T> implements Iterable<Named<T>> {
  readonly faults: Fault[] = [];
  readonly #entries = new Map<string, Named<T>>();

  constructor(list: List, values: readonly T[]) {
    for (const [index, value] of values.entries()) {
      const name = entryName(value) ?? String(index);
      const place = Place.root.key(list).entry(index, name);
      if (this.#entries.has(name)) this.faults.push(place.fault('the name is taken by an entry above'));
      else this.#entries.set(name, { name, place, value });
    }
  }

  get(name: string): T | undefined {
    return this.#entries.get(name)?.value;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  [Symbol.iterator](): Iterator<Named<T>> {
    return this.#entries.values();
  }
}

type Entry<L extends List> = SchedulingConfig[L][number];
export type NamedConfig = { readonly [L in List]: Names<Entry<L>> } & Pick<SchedulingConfig, 'policies'>;

export const named = (config: SchedulingConfig): NamedConfig => ({
  flavors: new Names('flavors', config.flavors),
  cohorts: new Names('cohorts', config.cohorts),
  queues: new Names('queues', config.queues),
  classes: new Names('classes', config.classes),
  reservations: new Names('reservations', config.reservations),
  pools: new Names('pools', config.pools),
  policies: config.policies,
});

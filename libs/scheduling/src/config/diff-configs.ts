import type { SchedulingConfig } from '#libs/contracts';
import { entryName } from './named.js';

/** One difference between two configurations. An entry that is new or gone is one difference, with all that is in it. */
export type Change =
  | { readonly kind: 'added'; readonly path: string; readonly after: unknown }
  | { readonly kind: 'removed'; readonly path: string; readonly before: unknown }
  | { readonly kind: 'changed'; readonly path: string; readonly before: unknown; readonly after: unknown };

/**
 * What differs, by path. Entries of lists are matched by their names, so that their order does not count.
 *
 * @param before  valid, as `after`: entries of the same name would hide each other
 */
export const diffConfigs = (before: SchedulingConfig, after: SchedulingConfig): Change[] => [
  ...changes([], before, after),
];

function* changes(path: readonly string[], before: unknown, after: unknown): Generator<Change> {
  const [from, to] = [membersOf(before), membersOf(after)];
  if (!from || !to) {
    if (before !== after) yield { kind: 'changed', path: path.join('.'), before, after };
    return;
  }
  for (const name of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    const inside = [...path, name];
    // Undefined is what an absent setting is.
    const [old, now] = [from.get(name), to.get(name)];
    if (old === undefined && now === undefined) continue;
    if (old === undefined) yield { kind: 'added', path: inside.join('.'), after: now };
    else if (now === undefined) yield { kind: 'removed', path: inside.join('.'), before: old };
    else yield* changes(inside, old, now);
  }
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) return new Map(value.map((entry, index) => [entryName(entry) ?? String(index), entry]));
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

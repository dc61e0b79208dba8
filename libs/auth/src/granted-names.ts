import type { Identity } from '#libs/contracts';
import type { Groups } from './ownership.js';

/** Names, each with the groups whose members may use it: `auth.projects`, `auth.instruments`. */
export type Granted = Readonly<Record<string, readonly string[]>>;

/**
 * The projects, or the instruments, that kernels of `owner` may be counted to, sorted. Groups are those of the caller's token
 * where it is the owner's own, and those of `auth.groups`.
 */
export function grantedNames(identity: Identity, owner: string, groups: Groups, granted: Granted): string[] {
  const own = owner === identity.user ? identity.groups : [];
  const listed = Object.keys(groups).filter((group) => groups[group]?.includes(owner));
  const all = new Set([...own, ...listed]);
  return Object.keys(granted)
    .filter((name) => granted[name]?.some((group) => all.has(group)))
    .sort();
}

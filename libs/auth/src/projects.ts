import type { Identity } from '#libs/contracts';
import type { Groups } from './ownership.js';

/** Projects, each with the groups whose members may use it, as configured in `auth.projects`. */
export type Projects = Readonly<Record<string, readonly string[]>>;

/**
 * The projects that kernels of `owner` may be counted to, sorted. Groups are those of the caller's token where it is the
 * owner's own, and those of `auth.groups`.
 */
export function projectsOf(identity: Identity, owner: string, groups: Groups, projects: Projects): string[] {
  const own = owner === identity.user ? identity.groups : [];
  const listed = Object.keys(groups).filter((group) => groups[group]?.includes(owner));
  const all = new Set([...own, ...listed]);
  return Object.keys(projects)
    .filter((project) => projects[project]?.some((group) => all.has(group)))
    .sort();
}

import type { Identity } from '#libs/contracts';

/** Members of each group, as configured in `auth.groups`. */
export type Groups = Readonly<Record<string, readonly string[]>>;

/** Whether a caller may make kernels that belong to `user`: itself, or under act-as a member of a granted group. */
export const mayOwnFor = ({ user, actAs }: Identity, owner: string, groups: Groups): boolean =>
  owner === user ||
  actAs.includes('*') ||
  actAs.some((group) => Object.hasOwn(groups, group) && groups[group]?.includes(owner));

/**
 * Who a new kernel belongs to. A name that the caller has no grant for is overwritten with the proven one: notebook
 * servers always send their local account as `KERNEL_USERNAME`.
 */
export const ownerFor = (identity: Identity, requested: string | undefined, groups: Groups): string =>
  requested !== undefined && mayOwnFor(identity, requested, groups) ? requested : identity.user;

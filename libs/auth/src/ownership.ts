import { Forbidden, type Identity } from '#libs/contracts';

/** Members of each group, as configured in `auth.groups`. */
export type Groups = Readonly<Record<string, readonly string[]>>;

/** Whether a caller may make kernels that belong to `user`: itself, or under act-as a member of a granted group. */
export const mayOwnFor = ({ user, actAs }: Identity, owner: string, groups: Groups): boolean =>
  owner === user ||
  actAs.includes('*') ||
  actAs.some((group) => Object.hasOwn(groups, group) && groups[group]?.includes(owner));

/** @throws Forbidden where the caller may not make kernels of that owner */
export function mustOwnFor(identity: Identity, owner: string, groups: Groups): void {
  if (!mayOwnFor(identity, owner, groups))
    throw new Forbidden(`You may not start kernels for ${owner}; that needs an act-as grant.`);
}

/**
 * Who a new kernel belongs to, where a name may be advice only: notebook servers always send their local account as
 * `KERNEL_USERNAME`. A caller that may act for nobody gets its own, whatever it names; one that may act for some means whom it
 * names, and its own would be a kernel that its user never sees.
 *
 * @throws Forbidden where it may act for others, but not for whom it names
 */
export function ownerFor(identity: Identity, requested: string | undefined, groups: Groups): string {
  if (requested === undefined || identity.actAs.length === 0) return identity.user;
  mustOwnFor(identity, requested, groups);
  return requested;
}

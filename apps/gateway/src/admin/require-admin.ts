import { Forbidden, type Identity } from '#libs/contracts';

/** @throws Forbidden for who is no admin */
export function requireAdmin({ scopes }: Identity): void {
  if (!scopes.includes('admin')) throw new Forbidden('This is for admins.');
}

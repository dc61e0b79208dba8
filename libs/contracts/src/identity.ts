import { z } from 'zod';

/** What a token allows. `admin` sees and ends every kernel and makes tokens for others. */
export const Scope = z.enum(['kernels', 'admin']);
export type Scope = z.infer<typeof Scope>;

/** Who calls, as proven by the token alone. */
export const Identity = z.object({
  /** User or service name: `sub` or the configured claim. */
  user: z.string().min(1).max(256),
  scopes: z.array(Scope),
  groups: z.array(z.string()),
  /** Groups whose members this service may name as owner; `*` means anyone. Empty: `KERNEL_USERNAME` is advisory. */
  actAs: z.array(z.string()),
  /** `jti` where the token carries one, so that revocation can close what it opened. */
  tokenId: z.string().optional(),
  /** When the token ends, ms since the epoch; absent where it does not. */
  expiresAt: z.int().optional(),
});
export type Identity = z.infer<typeof Identity>;

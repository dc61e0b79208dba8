import { z } from 'zod';

/** Id of a kernel: a UUID version 4, chosen by the client (`KERNEL_ID`, `id`) or by us. */
export const KernelId = z.uuid().brand<'KernelId'>();
export type KernelId = z.infer<typeof KernelId>;

/** Id of a notebook-server style session (path ↔ kernel), a UUID. */
export const SessionId = z.uuid().brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;

/** `jti` of a token of the built-in issuer. */
export const TokenId = z.string().min(1).max(64).brand<'TokenId'>();
export type TokenId = z.infer<typeof TokenId>;

/** Milliseconds since the epoch, UTC, an integer. */
export const Instant = z.int().min(0);
export type Instant = z.infer<typeof Instant>;

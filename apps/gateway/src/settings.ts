import type { Config } from '#libs/platform';

/** The settings of this service, by injection. */
export const CONFIG = Symbol('Config');
export type { Config };

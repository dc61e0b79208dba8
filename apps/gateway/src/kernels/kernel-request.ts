import type { KernelWishes } from './wishes.js';

/** A request for a kernel, read from whichever dialect it came in. */
export interface KernelRequest {
  /** Absent: the default one. */
  kernelspec?: string;
  profile?: string;
  /** Allowed variables only. */
  env: Readonly<Record<string, string>>;
  wishes: KernelWishes;
  /** Proven or granted. */
  owner: string;
}

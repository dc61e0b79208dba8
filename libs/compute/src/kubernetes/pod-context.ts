import type { KernelId } from '#libs/contracts';
import type { AgentContext } from '../agent-kernel.js';
import type { PodRef } from './pod-api.js';

/** What a claim changes, beside whose the kernel is. */
export interface PodClaim {
  env: Readonly<Record<string, string>>;
  cwd?: string;
}

/** What all pods of a host share. */
export interface PodContext extends AgentContext {
  /**
   * Deletes the pod and its secret; resolves when the API server has taken that.
   *
   * @param uid  deletes that pod alone, and leaves the secret to the next of its name
   */
  remove(pod: PodRef, graceSeconds: number, uid?: string): Promise<void>;
  /**
   * The start of a kernel of whose agent nobody was told was cut short: makes another pod once this one is gone.
   *
   * @returns false: it is not known how, or too late
   */
  again(kernelId: KernelId, detail: string): boolean;
}

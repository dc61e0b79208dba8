import type { CullLimits, KernelCommand, KernelSpecFile } from '#libs/contracts';

/** One kernelspec as the catalogue keeps it. */
export interface KernelspecEntry {
  /** Lower case. */
  name: string;
  spec: KernelSpecFile;
  /** Folder of logos, kernel.js and the like. */
  directory: string;
  command: KernelCommand;
  /** Profile that its kernels get. */
  profile: string;
  /** Where it differs from the service in when its kernels are ended unasked. */
  culling: CullLimits;
  /** A sentence that says why it can't be started; it is not listed then. */
  refusal?: string;
}

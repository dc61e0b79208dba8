import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { CommandContract, Identity, Kernel, KernelId } from '#libs/contracts';

/** Who hears of one kernel. */
export interface KernelListener {
  /** Each change of its row, in commit order. */
  changed(kernel: Kernel): void;
  /** Its user interrupted it while it had no process. */
  interrupted?(): void;
}

/** What the gatekeeper tells every gateway, split by who wants to hear it. Listeners must not throw. */
export interface KernelEvents {
  /** Returns the way to stop listening. */
  on(kernelId: KernelId, listener: KernelListener): () => void;
  /** The id (`jti`) of each token that is revoked from now on. */
  onTokenRevoked(listener: (tokenId: string) => void): () => void;
}
export const KERNEL_EVENTS = Symbol('KernelEvents');

/** The gatekeeper as seen from the edge: one command, one reply. Refusals and outages are thrown as `Problem`. */
export interface Gatekeeper {
  send<I extends z.ZodType, O extends z.ZodType>(
    contract: CommandContract<I, O>,
    input: z.input<I>,
  ): Promise<z.output<O>>;
}
export const GATEKEEPER = Symbol('Gatekeeper');

/** Who calls, by the token of the request alone (header, `?token=` or Basic). Throws Unauthenticated or Forbidden. */
export type Authenticate = (request: IncomingMessage) => Promise<Identity>;
export const AUTHENTICATE = Symbol('Authenticate');

/** Sockets open on this replica; REST models show them as `connections`. */
export interface ConnectionCounts {
  /** Counts one more socket of that kernel; call the answer once, when it closes. */
  opened(kernelId: KernelId): () => void;
  of(kernelId: KernelId): number;
  total(): number;
}
export const CONNECTION_COUNTS = Symbol('ConnectionCounts');

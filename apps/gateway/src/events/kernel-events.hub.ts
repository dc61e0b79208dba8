import { Injectable } from '@nestjs/common';
import type { Kernel, KernelId } from '#libs/contracts';
import type { KernelEvents, KernelListener } from '../ports.js';

/** Hands what the gatekeeper tells to whoever listens on this replica. */
@Injectable()
export class KernelEventsHub implements KernelEvents {
  readonly #byKernel = new Map<KernelId, Set<KernelListener>>();
  readonly #onRevoked = new Set<(tokenId: string) => void>();

  on(kernelId: KernelId, listener: KernelListener): () => void {
    const listeners = this.#byKernel.get(kernelId) ?? new Set();
    this.#byKernel.set(kernelId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byKernel.get(kernelId) === listeners) this.#byKernel.delete(kernelId);
    };
  }

  onTokenRevoked(listener: (tokenId: string) => void): () => void {
    this.#onRevoked.add(listener);
    return () => this.#onRevoked.delete(listener);
  }

  /** Kernels that somebody on this replica wants to hear of. */
  listenedTo(): KernelId[] {
    return [...this.#byKernel.keys()];
  }

  kernelChanged(kernel: Kernel): void {
    for (const listener of [...(this.#byKernel.get(kernel.id) ?? [])]) listener.changed(kernel);
  }

  kernelInterrupted(id: KernelId): void {
    for (const listener of [...(this.#byKernel.get(id) ?? [])]) listener.interrupted?.();
  }

  tokenRevoked(tokenId: string): void {
    for (const listener of [...this.#onRevoked]) listener(tokenId);
  }
}

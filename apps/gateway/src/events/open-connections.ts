import { Injectable } from '@nestjs/common';
import type { KernelId } from '#libs/contracts';
import type { ConnectionCounts } from '../ports.js';

/** Sockets open on this replica. */
@Injectable()
export class OpenConnections implements ConnectionCounts {
  readonly #counts = new Map<KernelId, number>();
  #total = 0;

  opened(kernelId: KernelId): () => void {
    this.#add(kernelId, 1);
    let open = true;
    return () => {
      if (open) this.#add(kernelId, -1);
      open = false;
    };
  }

  of(kernelId: KernelId): number {
    return this.#counts.get(kernelId) ?? 0;
  }

  total(): number {
    return this.#total;
  }

  #add(kernelId: KernelId, change: 1 | -1): void {
    this.#total += change;
    const count = this.of(kernelId) + change;
    if (count === 0) this.#counts.delete(kernelId);
    else this.#counts.set(kernelId, count);
  }
}

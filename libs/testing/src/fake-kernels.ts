import type { EndReason, Kernel, KernelId, KernelInfo, WaitExplanation } from '#libs/contracts';
import { aKernel } from './builders.js';
import type { FakeAgent } from './fake-agent.js';

interface Listener {
  changed(kernel: Kernel): void;
  interrupted(): void;
}

/** Kernel rows as a gateway sees them: read, told of by events, explained. Each change raises the revision. */
export class FakeKernels {
  readonly #rows = new Map<KernelId, Kernel>();
  readonly #listeners = new Map<KernelId, Set<Listener>>();
  readonly #revocations = new Set<(tokenId: string) => void>();
  explanation: WaitExplanation | null = null;
  explained = 0;
  info: KernelInfo | undefined;

  add(changes: Partial<Kernel> = {}): Kernel {
    const kernel = aKernel(changes);
    this.#rows.set(kernel.id, kernel);
    return kernel;
  }

  change(id: KernelId, changes: Partial<Kernel>): void {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`no kernel ${id}`);
    const kernel = { ...row, ...changes, revision: row.revision + 1 };
    this.#rows.set(id, kernel);
    for (const listener of this.#listeners.get(id) ?? []) listener.changed(kernel);
  }

  interrupt(id: KernelId): void {
    for (const listener of this.#listeners.get(id) ?? []) listener.interrupted();
  }

  start(id: KernelId, agent: FakeAgent): void {
    this.change(id, { phase: 'starting', endpoint: agent.endpoint });
  }

  end(id: KernelId, endReason: EndReason, detail = ''): void {
    this.change(id, { phase: 'ended', endReason, detail, executionState: 'dead' });
  }

  listeners(id: KernelId): number {
    return this.#listeners.get(id)?.size ?? 0;
  }

  // KernelReader
  async find(id: KernelId): Promise<Kernel | undefined> {
    return this.#rows.get(id);
  }

  async listVisible(user: string): Promise<Kernel[]> {
    return [...this.#rows.values()].filter(({ owner, actor }) => owner === user || actor === user);
  }

  async listAll(): Promise<Kernel[]> {
    return [...this.#rows.values()];
  }

  async infoFor(): Promise<KernelInfo | undefined> {
    return this.info;
  }

  // Events
  on(id: KernelId, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  onTokenRevoked(listener: (tokenId: string) => void): () => void {
    this.#revocations.add(listener);
    return () => this.#revocations.delete(listener);
  }

  revoke(tokenId: string): void {
    for (const listener of this.#revocations) listener(tokenId);
  }

  // The gatekeeper's one answer that the edge asks for here
  async explain(): Promise<WaitExplanation | null> {
    this.explained += 1;
    return this.explanation;
  }
}

import type { CommandClient } from '#libs/bus';
import type { Kernel, KernelId } from '#libs/contracts';
import { Heard } from './heard.js';

/** Hears every event that gateways are told. */
export class FakeGateways {
  readonly events = new Heard<{ pattern: string; payload: { kernel?: Kernel; id?: string } }>();
  /** Refuses events while it is set. */
  failure: Error | undefined;

  #held: { kernelId: KernelId; until: Promise<void> } | undefined;

  /** Takes no news of a kernel until what is given back is called. */
  hold(kernelId: KernelId): () => void {
    let release = (): void => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held = { kernelId, until };
    return release;
  }

  readonly emit = (async ({ pattern }: { pattern: string }, payload: object) => {
    if (this.failure) throw this.failure;
    if (this.#held?.kernelId === (payload as { kernel?: Kernel }).kernel?.id) await this.#held?.until;
    this.events.add({ pattern, payload });
  }) as CommandClient['emit'];

  /** The kernel's row as told, once it is told in this shape. */
  async kernel(id: KernelId, shape: Partial<Kernel>): Promise<Kernel> {
    const { payload } = await this.events.until(({ payload: { kernel } }) => kernel?.id === id && has(kernel, shape));
    return payload.kernel as Kernel;
  }
}

const has = (kernel: Kernel, shape: Partial<Kernel>): boolean =>
  Object.entries(shape).every(([key, value]) => kernel[key as keyof Kernel] === value);

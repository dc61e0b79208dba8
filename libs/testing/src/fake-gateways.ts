import type { CommandClient } from '#libs/bus';
import type { Kernel, KernelId } from '#libs/contracts';
import { Heard } from './heard.js';

/** Hears every event that gateways are told. */
export class FakeGateways {
  readonly events = new Heard<{ pattern: string; payload: { kernel?: Kernel; id?: string } }>();
  /** Refuses events while it is set. */
  failure: Error | undefined;

  readonly emit = (async ({ pattern }: { pattern: string }, payload: object) => {
    if (this.failure) throw this.failure;
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

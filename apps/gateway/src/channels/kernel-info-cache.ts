import { Part, peekV1 } from '#libs/jupyter';

const LARGEST_BYTES = 64 * 1024;

/** What kernels of each kernelspec say of themselves: for clients whose kernel still waits. */
export class KernelInfoCache {
  readonly #replies = new Map<string, object>();

  /** Content of a kernel_info_reply; undefined while no kernel of this kernelspec has given one. */
  find(kernelspec: string): object | undefined {
    return this.#replies.get(kernelspec);
  }

  /** `frame` is any reply of such a kernel, v1. */
  learn(kernelspec: string, frame: Buffer): void {
    if (this.#replies.has(kernelspec) || !peekV1(frame, Part.header).includes('"kernel_info_reply"')) return;
    const content = peekV1(frame, Part.content);
    if (content.length > LARGEST_BYTES) return;
    try {
      const reply = JSON.parse(content.toString()) as { status?: unknown };
      if (reply.status === 'ok') this.#replies.set(kernelspec, reply);
    } catch {
      // Not our business: the client gets it as it is.
    }
  }
}

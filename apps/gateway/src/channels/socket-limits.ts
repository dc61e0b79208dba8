import { type Kernel, TooManyRequests, Unavailable } from '#libs/contracts';
import type { ConnectionCounts } from '../ports.js';

const RETRY_AFTER_SECONDS = 10;

/** How many sockets, or streams, may be open: in all, to the kernels of one owner, to one kernel. */
export class SocketLimits {
  readonly #owners = new Map<string, number>();

  constructor(
    private readonly most: { all: number; perUser: number; perKernel: number },
    private readonly counts: ConnectionCounts,
    private readonly what = 'sockets',
  ) {}

  /** Why one more may not be opened. */
  refusal({ id, owner }: Kernel): TooManyRequests | Unavailable | undefined {
    const { all, perUser, perKernel } = this.most;
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    if (this.counts.total() >= all) {
      return new Unavailable(`${all} ${this.what} are open here, as many as may be.`, { retryAfterSeconds });
    }
    const tooMany = (limit: number, whose: string) =>
      new TooManyRequests(`${limit} ${this.what} are open to ${whose}, as many as may be; close one.`, {
        retryAfterSeconds,
        limit,
      });
    if (this.counts.of(id) >= perKernel) return tooMany(perKernel, 'this kernel');
    if ((this.#owners.get(owner) ?? 0) >= perUser) return tooMany(perUser, `the kernels of ${owner}`);
    return undefined;
  }

  /** Counts one more; call the answer once, when it closes. */
  opened({ id, owner }: Kernel): () => void {
    const closed = this.counts.opened(id);
    this.#owners.set(owner, (this.#owners.get(owner) ?? 0) + 1);
    return () => {
      closed();
      const left = (this.#owners.get(owner) ?? 0) - 1;
      if (left > 0) this.#owners.set(owner, left);
      else this.#owners.delete(owner);
    };
  }
}

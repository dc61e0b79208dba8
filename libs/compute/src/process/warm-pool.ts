import type { PoolSize } from './process-host-options.js';

/** From the last claim until a kernel is started to take its place, milliseconds: who was just served goes first. */
const QUIET_MS = 1000;
/** After a kernel that did not come up, milliseconds until another is tried. */
const RETRY_MS = 10_000;
/** Kernels claimed in this time, milliseconds, are what a pool above its floor gets ready for. */
const DEMAND_MS = 300_000;

/** What a pool keeps. */
export interface Warmable {
  /** Resolves when it has come as far as it can without a claim. */
  readonly warmed: Promise<void>;
  readonly gone: Promise<void>;
  dismiss(): void;
}

/** Kernels of one environment that are started and wait for somebody to claim them; each serves once. */
export class WarmPool<K extends Warmable> {
  readonly #ready: K[] = [];
  readonly #warming = new Set<K>();
  #claims: number[] = [];
  #failedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #starting = false;
  #closed = false;

  /**
   * @param start   starts one
   * @param idle    whether the host has nothing better to do
   * @param room    whether the budget of all pools has room for one more
   * @param tell    how many are ready, whenever one more is
   */
  constructor(
    private size: PoolSize,
    private readonly start: () => Promise<K | undefined>,
    private readonly idle: () => boolean,
    private readonly room: () => boolean,
    private readonly tell: (ready: number) => void,
  ) {}

  get kernels(): K[] {
    return [...this.#ready, ...this.#warming];
  }

  /** What of a budget it uses: the one that is being started, too. */
  get count(): number {
    return this.#ready.length + this.#warming.size + (this.#starting ? 1 : 0);
  }

  /** @returns whether it is another size than before */
  resize(size: PoolSize): boolean {
    if (size.floor === this.size.floor && size.ceiling === this.size.ceiling) return false;
    this.size = size;
    this.refill();
    return true;
  }

  /** One that is ready and fits; undefined where there is none. Counts as demand either way. */
  take(fits: (kernel: K) => boolean = () => true): K | undefined {
    this.#claims.push(performance.now());
    const at = this.#ready.findIndex(fits);
    return at < 0 ? undefined : this.#ready.splice(at, 1)[0];
  }

  /** Gets ready for what is asked for, one after another and while the host is idle; ends what is too much. */
  refill(): void {
    if (this.#closed) return;
    while (this.#ready.length > this.#target()) this.#ready.pop()?.dismiss();
    if (this.kernels.length >= this.#target() || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#startOne(), this.#quietIn()).unref();
  }

  /** Ends them all. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const kernel of this.kernels) kernel.dismiss();
  }

  #target(): number {
    const since = performance.now() - DEMAND_MS;
    this.#claims = this.#claims.filter((at) => at > since);
    return Math.min(this.size.ceiling, Math.max(this.size.floor, this.#claims.length));
  }

  /** Milliseconds until nobody was served for a while, and until a failure is long enough ago. */
  #quietIn(): number {
    const served = (this.#claims.at(-1) ?? Number.NEGATIVE_INFINITY) + QUIET_MS;
    return Math.max(0, Math.max(served, this.#failedAt + RETRY_MS) - performance.now());
  }

  async #startOne(): Promise<void> {
    this.#timer = undefined;
    if (this.#quietIn() > 0) this.refill();
    // Whatever keeps the host busy asks for a refill when it is done.
    if (
      this.#closed ||
      this.#timer !== undefined ||
      this.#starting ||
      this.#warming.size > 0 ||
      !this.idle() ||
      !this.room()
    )
      return;
    this.#starting = true;
    const kernel = await this.start();
    this.#starting = false;
    if (kernel === undefined) return;
    await this.#warm(kernel);
    this.refill();
  }

  async #warm(kernel: K): Promise<void> {
    if (this.#closed) return kernel.dismiss();
    this.#warming.add(kernel);
    void kernel.gone.then(() => {
      this.#warming.delete(kernel);
      const at = this.#ready.indexOf(kernel);
      if (at >= 0) this.#ready.splice(at, 1);
    });
    await Promise.race([kernel.warmed, kernel.gone]);
    if (!this.#warming.delete(kernel)) {
      this.#failedAt = performance.now();
      return;
    }
    if (this.#closed) return kernel.dismiss();
    this.#ready.push(kernel);
    this.tell(this.#ready.length);
  }
}

/** One timer for all sockets: an idle socket costs no timer of its own. Runs while there is somebody to visit. */
export class Rounds {
  readonly #visits = new Set<(now: number) => void>();
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly everyMs: number) {}

  /** Returns the way to be visited no more. */
  join(visit: (now: number) => void): () => void {
    this.#visits.add(visit);
    this.#timer ??= setInterval(() => this.#go(), this.everyMs).unref();
    return () => {
      this.#visits.delete(visit);
      if (this.#visits.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  }

  #go(): void {
    const now = performance.now();
    for (const visit of this.#visits) visit(now);
  }
}

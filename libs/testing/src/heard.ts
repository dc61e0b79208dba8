/** Messages that a fake was sent, for specs that wait for one. */
export class Heard<M> {
  readonly all: M[] = [];
  readonly #waiting = new Set<() => void>();

  add(message: M): void {
    this.all.push(message);
    for (const look of this.#waiting) look();
  }

  /** The first message that `matches`, once there is one. */
  async until(matches: (message: M) => boolean): Promise<M> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.all.find(matches);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

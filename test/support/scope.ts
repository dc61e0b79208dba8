/** Things that a suite started: all are ended after it, last first, whatever failed. */
export class Scope {
  private readonly endings: (() => unknown)[] = [];

  /** Registers the ending with jest. */
  constructor() {
    afterAll(() => this.end(), 60_000);
  }

  /** Keeps `thing` and gives it back; it is ended by `end` after the suite. */
  use<T>(thing: T, end: (thing: T) => unknown): T {
    this.endings.push(() => end(thing));
    return thing;
  }

  private async end(): Promise<void> {
    for (const ending of this.endings.reverse()) await Promise.resolve(ending()).catch(() => {});
  }
}

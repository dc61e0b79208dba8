/** What is wrong at one place of a configuration. */
export interface Fault {
  /** By names, for people: `queues.gpu-a.quota.a100.gpuMilli.nominal`. */
  readonly path: string;
  /** The same by indexes, as the text has it, to find its line. */
  readonly at: readonly (string | number)[];
  readonly message: string;
}

/** A place of a configuration: entries of lists go by their names. */
export class Place {
  private constructor(
    private readonly names: readonly string[],
    private readonly at: readonly (string | number)[],
  ) {}

  static readonly root = new Place([], []);

  key(...keys: string[]): Place {
    return new Place([...this.names, ...keys], [...this.at, ...keys]);
  }

  entry(index: number, name: string): Place {
    return new Place([...this.names, name], [...this.at, index]);
  }

  fault(message: string): Fault {
    return { path: this.names.join('.'), at: this.at, message };
  }
}

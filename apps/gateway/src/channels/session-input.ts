/** One message of a client, on its way to the agent. */
export interface Input {
  /** Number within the session; 0 until one is given. */
  number: number;
  id: string;
  frame: Buffer;
}

/**
 * What a session sends, in order: kept while there is no kernel to take it, and after that until the agent is known to
 * have it, so that a broken stream loses nothing. The agent ignores what it has already.
 */
export class SessionInput {
  #held: Input[] = [];
  #unconfirmed: Input[] = [];
  #lastNumber = 0;
  #heldBytes = 0;
  #unconfirmedBytes = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get unconfirmedBytes(): number {
    return this.#unconfirmedBytes;
  }

  get unconfirmedCount(): number {
    return this.#unconfirmed.length;
  }

  /** Whether there is anything that the agent is not known to have. */
  get pending(): boolean {
    return this.#held.length + this.#unconfirmed.length > 0;
  }

  get newest(): Input | undefined {
    return this.#unconfirmed.at(-1);
  }

  add(input: Input): void {
    this.#held.push(input);
    this.#heldBytes += input.frame.length;
  }

  /** Forgets all that the agent is not known to have, and gives it; what was sent keeps its number. */
  surrender(): Input[] {
    const given = [...this.#unconfirmed, ...this.#held];
    this.#held = [];
    this.#heldBytes = 0;
    this.#unconfirmed = [];
    this.#unconfirmedBytes = 0;
    return given;
  }

  /** Takes out what was not sent yet and is wanted back. @returns the ids, oldest first */
  withdraw(wanted: (id: string) => boolean): string[] {
    const taken = this.#held.filter(({ id }) => wanted(id));
    if (taken.length > 0) this.#held = this.#held.filter((input) => !taken.includes(input));
    this.#heldBytes -= taken.reduce((bytes, { frame }) => bytes + frame.length, 0);
    return taken.map(({ id }) => id);
  }

  /** A stream opened: all that the agent does not have goes again, before what is held. */
  reopen(inputLast: number): void {
    this.confirm(inputLast);
    this.#lastNumber = Math.max(this.#lastNumber, inputLast);
    this.#held = [...this.#unconfirmed, ...this.#held];
    this.#heldBytes += this.#unconfirmedBytes;
    this.#unconfirmed = [];
    this.#unconfirmedBytes = 0;
  }

  /** Another agent process: its numbering starts anew, and what the old one took is gone with it. */
  restart(): void {
    this.#unconfirmed = [];
    this.#unconfirmedBytes = 0;
    this.#lastNumber = 0;
  }

  /** The next message to send, numbered; from now on it waits to be confirmed. */
  take(): Input | undefined {
    const input = this.#held.shift();
    if (input === undefined) return undefined;
    input.number ||= this.#lastNumber + 1;
    this.#lastNumber = Math.max(this.#lastNumber, input.number);
    this.#heldBytes -= input.frame.length;
    this.#unconfirmed.push(input);
    this.#unconfirmedBytes += input.frame.length;
    return input;
  }

  /** The agent has everything up to this number. */
  confirm(number: number): void {
    while (this.#unconfirmed[0] !== undefined && this.#unconfirmed[0].number <= number) {
      this.#unconfirmedBytes -= this.#unconfirmed[0].frame.length;
      this.#unconfirmed.shift();
    }
  }
}

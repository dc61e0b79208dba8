const MESSAGES_PER_PING = 32;

/**
 * What the client has confirmed: only that may be acknowledged to the agent. A ping carries the ring number of the last
 * message before it; every WebSocket client answers with the same bytes, after it has taken what came before.
 */
export class Confirmations {
  #last = 0;
  #asked = 0;
  #sinceAsked = 0;
  #quietTimer: NodeJS.Timeout | null = null;
  #atTimer = 0;

  constructor(
    private readonly ping: (payload: string) => void,
    private readonly confirmed: (seq: number) => void,
    private readonly quietMs: number,
  ) {}

  sent(seq: number): void {
    this.#last = seq;
    this.#sinceAsked += 1;
    if (this.#sinceAsked >= MESSAGES_PER_PING) this.#ask();
    else this.#quietTimer ??= this.#startTimer();
  }

  /** Payloads that no ping of ours carried are ignored. */
  pong(payload: Buffer): void {
    if (payload.length === 0 || payload.length > 16) return;
    const seq = Number(payload.toString('latin1'));
    if (Number.isSafeInteger(seq) && seq > 0 && seq <= this.#asked) this.confirmed(seq);
  }

  /** The numbers belong to another ring from now on. */
  reset(): void {
    this.stop();
    this.#last = 0;
    this.#asked = 0;
    this.#sinceAsked = 0;
  }

  stop(): void {
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#quietTimer = null;
  }

  #ask(): void {
    this.#asked = this.#last;
    this.#sinceAsked = 0;
    this.ping(String(this.#last));
  }

  #startTimer(): NodeJS.Timeout {
    this.#atTimer = this.#last;
    return setTimeout(() => {
      this.#quietTimer = null;
      if (this.#sinceAsked === 0) return;
      if (this.#last === this.#atTimer) this.#ask();
      else this.#quietTimer = this.#startTimer();
    }, this.quietMs);
  }
}

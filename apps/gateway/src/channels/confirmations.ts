const MESSAGES_PER_PING = 32;

/**
 * What the client has confirmed: only that may be acknowledged to the agent. A ping carries the ring number of the last
 * message before it; every WebSocket client answers with the same bytes, after it has taken what came before.
 */
export class Confirmations {
  #last = 0;
  #asked = 0;
  #confirmed = 0;
  #sinceAsked = 0;
  #quietTimer: NodeJS.Timeout | null = null;
  #atTimer = 0;
  /** Messages sent, at each ping that was not answered yet. */
  #pings: { seq: number; sent: number }[] = [];
  #sentCount = 0;
  #confirmedCount = 0;

  constructor(
    private readonly ping: (payload: string) => void,
    private readonly confirmed: (seq: number) => void,
    private readonly quietMs: number,
  ) {}

  /** Messages sent that the client has not confirmed: what would be repeated if this service died now. */
  get open(): number {
    return this.#sentCount - this.#confirmedCount;
  }

  /** Highest number that the client confirmed. */
  get last(): number {
    return this.#confirmed;
  }

  /** Whether a ping with a higher number is unanswered. */
  get outstanding(): boolean {
    return this.#asked > this.#confirmed;
  }

  sent(seq: number): void {
    this.#last = seq;
    this.#sentCount += 1;
    this.#sinceAsked += 1;
    if (this.#sinceAsked >= MESSAGES_PER_PING) this.#ask();
    else this.#quietTimer ??= this.#startTimer();
  }

  /** Does not wait for quiet. */
  askNow(): void {
    if (this.#sinceAsked > 0) this.#ask();
  }

  /** Payloads that no ping of ours carried are ignored. */
  pong(payload: Buffer): void {
    if (payload.length === 0 || payload.length > 16) return;
    const seq = Number(payload.toString('latin1'));
    if (!Number.isSafeInteger(seq) || seq <= this.#confirmed || seq > this.#asked) return;
    while (this.#pings[0] !== undefined && this.#pings[0].seq <= seq) {
      this.#confirmedCount = this.#pings[0].sent;
      this.#pings.shift();
    }
    this.#confirmed = seq;
    this.confirmed(seq);
  }

  /** The numbers belong to another ring from now on. */
  reset(): void {
    this.stop();
    this.#last = 0;
    this.#asked = 0;
    this.#confirmed = 0;
    this.#sinceAsked = 0;
    this.#pings = [];
    this.#confirmedCount = this.#sentCount;
  }

  stop(): void {
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#quietTimer = null;
  }

  #ask(): void {
    this.#asked = this.#last;
    this.#sinceAsked = 0;
    this.#pings.push({ seq: this.#last, sent: this.#sentCount });
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

const MISSED_PINGS = 3;

/** What a socket shows of its client at one moment. */
export interface Signs {
  /** Bytes that left this machine's process, since the socket opened; only a client that reads makes room for more. */
  flushedBytes: number;
  unsentBytes: number;
  /** Highest ring number confirmed, and whether more was asked for. */
  confirmed: number;
  outstanding: boolean;
  /** We do not read from the socket, so the client can show nothing. */
  deaf: boolean;
}

export type Verdict = 'fine' | 'ping' | 'silent' | 'stalled';

/**
 * Whether there is still a client behind a socket. *Silent*: three pings in a row went unanswered while nothing moved.
 * *Stalled*: something waits for the client, and it has taken and confirmed nothing for a while; it holds up its
 * kernel, and every other client of that kernel.
 */
export class Liveness {
  #unanswered = 0;
  #pingAt: number;
  #movedAt: number;
  #flushedBytes = 0;
  #confirmed = 0;

  constructor(
    private readonly pingIntervalMs: number,
    private readonly stalledMs: number,
    now: number,
  ) {
    this.#pingAt = now + pingIntervalMs;
    this.#movedAt = now;
  }

  /** The client sent a message or a pong. */
  heard(): void {
    this.#unanswered = 0;
  }

  /** The numbers of the ring start anew. */
  ringChanged(): void {
    this.#confirmed = 0;
  }

  look(now: number, { flushedBytes, unsentBytes, confirmed, outstanding, deaf }: Signs): Verdict {
    const moved = flushedBytes > this.#flushedBytes || confirmed > this.#confirmed;
    // What we wrote ourselves may be taken by the system alone; it proves a client only while more waits.
    if (moved && unsentBytes > 0) this.#unanswered = 0;
    this.#flushedBytes = flushedBytes;
    this.#confirmed = confirmed;
    const waiting = unsentBytes > 0 || (outstanding && !deaf);
    if (moved || !waiting) this.#movedAt = now;
    else if (now - this.#movedAt >= this.stalledMs) return 'stalled';
    if (now < this.#pingAt || deaf) return 'fine';
    this.#pingAt = now + this.pingIntervalMs;
    if (this.#unanswered >= MISSED_PINGS) return 'silent';
    this.#unanswered += 1;
    return 'ping';
  }
}

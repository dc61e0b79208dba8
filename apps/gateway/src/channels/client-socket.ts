import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { recycleBody } from '#libs/jupyter';
import type { ChannelMetrics } from './channel-metrics.js';
import { Confirmations } from './confirmations.js';
import type { FrameSink } from './framing/client-framing.js';
import type { ChannelTiming } from './options.js';

/** More than this unread by the client pauses its kernel's output. */
const CONGESTED_BYTES = 8 * 1024 * 1024;
const MISSED_PINGS = 3;
const RECYCLED_BYTES = 128 * 1024;

export interface ClientSocketListener {
  received(data: Buffer, binary: boolean): void;
  /** The client has everything up to this ring number. */
  confirmed(seq: number): void;
  congested(): void;
  relieved(): void;
  closed(): void;
}

/** One client's WebSocket: frames out in batches, confirmations, liveness, and back-pressure both ways. */
export class ClientSocket implements FrameSink {
  readonly #confirmations: Confirmations;
  readonly #alive: NodeJS.Timeout;
  #corked = false;
  /** Too much is unread. */
  #congested = false;
  /** Too much is unconfirmed. */
  #waiting = false;
  #paused = false;
  #unanswered = 0;
  #listener: ClientSocketListener | null = null;

  constructor(
    private readonly ws: WebSocket,
    private readonly raw: Duplex,
    private readonly metrics: ChannelMetrics,
    pingIntervalSeconds: number,
    private readonly timing: ChannelTiming,
    /** Messages that may be unconfirmed: what is repeated at most when this service dies. */
    private readonly mostOpen: number,
  ) {
    this.#confirmations = new Confirmations(
      (payload) => this.#ping(payload),
      (seq) => {
        this.#listener?.confirmed(seq);
        if (this.#confirmations.open <= this.mostOpen / 2) this.#release(() => (this.#waiting = false));
      },
      timing.confirmQuiet,
    );
    this.#alive = setInterval(() => this.#checkAlive(), pingIntervalSeconds * 1000).unref();
    raw.on('drain', () => this.#release(() => (this.#congested = false)));
  }

  listen(listener: ClientSocketListener): void {
    this.#listener = listener;
    this.ws.on('message', (data, binary) => {
      this.#unanswered = 0;
      listener.received(data as Buffer, binary);
    });
    this.ws.on('pong', (payload) => {
      this.#unanswered = 0;
      this.#confirmations.pong(payload);
    });
    // The close event that follows says all there is to act on.
    this.ws.on('error', () => {});
    this.ws.on('close', () => {
      this.#confirmations.stop();
      clearInterval(this.#alive);
      listener.closed();
    });
  }

  /** A large buffer is given to the pool of bodies when it is written: keep no view on it. */
  send(data: Buffer | string, binary: boolean): void {
    if (this.ws.readyState !== this.ws.OPEN) return;
    this.#cork();
    this.metrics.toClient(data.length);
    if (typeof data === 'string' || data.length < RECYCLED_BYTES) this.ws.send(data, { binary });
    else this.ws.send(data, { binary }, () => recycleBody(data));
    if (!this.#congested && this.ws.bufferedAmount > CONGESTED_BYTES) this.#hold(() => (this.#congested = true));
  }

  /** A ring entry was told; the client will be asked to confirm it. */
  told(seq: number): void {
    this.#confirmations.sent(seq);
    if (!this.#waiting && this.#confirmations.open >= this.mostOpen) this.#hold(() => (this.#waiting = true));
  }

  ringChanged(): void {
    this.#confirmations.reset();
  }

  /** Writes out what was sent since the last flush; happens by itself at the end of the turn. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.raw.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.ws.pause();
  }

  resume(): void {
    this.#paused = false;
    this.ws.resume();
  }

  /** Asks the client to close, and ends the connection when it does not. */
  close(code: number, reason: string): void {
    this.flush();
    if (this.#paused) this.resume();
    this.ws.close(code, reason);
    const timer = setTimeout(() => this.ws.terminate(), this.timing.closeGrace).unref();
    this.ws.once('close', () => clearTimeout(timer));
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.raw.cork();
    setImmediate(() => this.flush());
  }

  #ping(payload: string): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.ping(payload);
  }

  #checkAlive(): void {
    if (this.#paused) return;
    if (this.#unanswered >= MISSED_PINGS) {
      this.ws.terminate();
      return;
    }
    this.#unanswered += 1;
    this.#ping('');
  }

  #hold(note: () => void): void {
    const held = this.#congested || this.#waiting;
    note();
    if (!held) this.#listener?.congested();
  }

  #release(note: () => void): void {
    const held = this.#congested || this.#waiting;
    note();
    if (held && !this.#congested && !this.#waiting) this.#listener?.relieved();
  }
}

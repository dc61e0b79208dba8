import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { recycleBody } from '#libs/jupyter';
import type { ChannelMetrics } from './channel-metrics.js';
import { Confirmations } from './confirmations.js';
import type { FrameSink } from './framing/client-framing.js';
import type { Liveness } from './liveness.js';
import type { ChannelTiming } from './options.js';

/** More than this unread by the client pauses its kernel's output. */
const CONGESTED_BYTES = 8 * 1024 * 1024;
/** What the gateway itself may still say to a client that has this much unread, before the socket is ended. */
const SAID_WHILE_CONGESTED_BYTES = 16 * 1024 * 1024;
/** Pings of a client that reads no pongs are left unanswered. */
const PONG_BACKLOG_BYTES = 64 * 1024;
const RECYCLED_BYTES = 128 * 1024;

export interface ClientSocketListener {
  received(data: Buffer, binary: boolean): void;
  /** The client has everything up to this ring number. */
  confirmed(seq: number): void;
  congested(): void;
  relieved(): void;
  /** It takes nothing of what waits for it. */
  stalled(): void;
  closed(): void;
}

/** One client's WebSocket: frames out in batches, confirmations, liveness, and back-pressure both ways. */
export class ClientSocket implements FrameSink {
  readonly #confirmations: Confirmations;
  #corked = false;
  /** Too much is unread. */
  #congested = false;
  /** Too much is unconfirmed. */
  #waiting = false;
  #saidWhileCongested = 0;
  #paused = false;
  #listener: ClientSocketListener | null = null;
  readonly #onMessage = (data: RawData, binary: boolean): void => {
    this.liveness.heard();
    this.#listener?.received(data as Buffer, binary);
  };
  readonly #onPong = (payload: Buffer): void => {
    this.liveness.heard();
    this.#confirmations.pong(payload);
  };
  readonly #onPing = (payload: Buffer): void => {
    if (this.ws.readyState === this.ws.OPEN && this.ws.bufferedAmount < PONG_BACKLOG_BYTES) this.ws.pong(payload);
  };
  readonly #onClose = (): void => {
    this.#confirmations.stop();
    this.#listener?.closed();
  };
  readonly #onDrain = (): void => this.#release(() => (this.#congested = false));

  constructor(
    private readonly ws: WebSocket,
    private readonly raw: Socket,
    private readonly metrics: ChannelMetrics,
    private readonly liveness: Liveness,
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
    raw.on('drain', this.#onDrain);
  }

  listen(listener: ClientSocketListener): void {
    this.#listener = listener;
    this.ws.on('message', this.#onMessage).on('pong', this.#onPong).on('ping', this.#onPing).on('close', this.#onClose);
  }

  /** Leaves the open socket to another. */
  letGo(): void {
    this.flush();
    if (this.#paused) this.resume();
    this.#confirmations.stop();
    this.raw.off('drain', this.#onDrain);
    this.ws
      .off('message', this.#onMessage)
      .off('pong', this.#onPong)
      .off('ping', this.#onPing)
      .off('close', this.#onClose);
  }

  /** A large buffer is given to the pool of bodies when it is written: keep no view on it. */
  send(data: Buffer | string, binary: boolean): void {
    if (this.ws.readyState !== this.ws.OPEN) return;
    this.#cork();
    this.metrics.toClient(data.length);
    if (typeof data === 'string' || data.length < RECYCLED_BYTES) this.ws.send(data, { binary });
    else this.ws.send(data, { binary }, () => recycleBody(data));
    if (this.#congested) {
      this.#saidWhileCongested += data.length;
      if (this.#saidWhileCongested > SAID_WHILE_CONGESTED_BYTES) this.ws.terminate();
    } else if (this.ws.bufferedAmount > CONGESTED_BYTES) {
      this.#saidWhileCongested = 0;
      this.#hold(() => (this.#congested = true));
    }
  }

  /** A ring entry was told; the client will be asked to confirm it. */
  told(seq: number): void {
    this.#confirmations.sent(seq);
    if (!this.#waiting && this.#confirmations.open >= this.mostOpen) this.#hold(() => (this.#waiting = true));
  }

  ringChanged(): void {
    this.#confirmations.reset();
    this.liveness.ringChanged();
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

  /** Pings a quiet client, and ends one that is gone or takes nothing. Called every now and then. */
  look(now: number): void {
    if (this.ws.readyState !== this.ws.OPEN) return;
    const { last: confirmed, outstanding } = this.#confirmations;
    const unsentBytes = this.ws.bufferedAmount;
    const signs = { flushedBytes: flushedBytes(this.raw), unsentBytes, confirmed, outstanding, deaf: this.#paused };
    const verdict = this.liveness.look(now, signs);
    if (verdict === 'ping') this.#ping('');
    else if (verdict === 'silent') this.ws.terminate();
    else if (verdict === 'stalled') this.#listener?.stalled();
  }

  /** As `close`, with a last question for what was told, so that little of it is told again. */
  leave(code: number, reason: string, graceMs: number): void {
    this.#confirmations.askNow();
    this.close(code, reason, graceMs);
  }

  /** Asks the client to close, and ends the connection when it does not. */
  close(code: number, reason: string, graceMs = this.timing.closeGrace): void {
    this.flush();
    if (this.#paused) this.resume();
    this.ws.close(code, reason);
    const timer = setTimeout(() => this.ws.terminate(), graceMs).unref();
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

/** Bytes given to the system. Of one large write the socket itself tells only when all of it has gone. */
function flushedBytes(raw: Socket): number {
  const { _handle: handle } = raw as { _handle?: { bytesWritten?: number; writeQueueSize?: number } | null };
  if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined) {
    return raw.bytesWritten - raw.writableLength;
  }
  return handle.bytesWritten - handle.writeQueueSize;
}

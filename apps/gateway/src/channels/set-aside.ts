import type { RawData, WebSocket } from 'ws';

interface Spoken {
  data: Buffer;
  binary: boolean;
}

/** A socket that is nobody's for now. */
export class AsideSocket {
  readonly #spoken: Spoken[] = [];
  #isHeard = false;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly ws: WebSocket,
    keptMs: number,
    private readonly closeGraceMs: number,
    private readonly onSpoken: () => void,
    private readonly onGone: () => void,
  ) {
    this.#timer = setTimeout(() => this.letGo(), keptMs).unref();
    ws.on('message', this.#onMessage).on('ping', this.#onPing).on('close', this.#forget);
  }

  /** Its client has something to say. */
  hear(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    clearTimeout(this.#timer);
    this.ws.pause();
    this.onSpoken();
  }

  /** @returns what its client said; undefined where it is closed or closing */
  takeBack(): Spoken[] | undefined {
    this.#forget();
    this.ws.resume();
    return this.ws.readyState === this.ws.OPEN ? this.#spoken : undefined;
  }

  letGo(): void {
    this.#forget();
    this.ws.resume();
    this.ws.close(1012, 'replaced by a newer connection of this session');
    const timer = setTimeout(() => this.ws.terminate(), this.closeGraceMs).unref();
    this.ws.once('close', () => clearTimeout(timer));
  }

  readonly #onMessage = (data: RawData, binary: boolean): void => {
    // More may come of what was read already.
    this.#spoken.push({ data: data as Buffer, binary });
    this.hear();
  };

  readonly #onPing = (payload: Buffer): void => this.ws.pong(payload);

  readonly #forget = (): void => {
    clearTimeout(this.#timer);
    this.ws.off('message', this.#onMessage).off('ping', this.#onPing).off('close', this.#forget);
    this.onGone();
  };
}

/**
 * Sockets whose session was opened again, the last one of each. Which of two is the later no gateway knows for sure: their
 * ways differ, and one that a notebook server gave up while it was opened stays open. But that one is silent, so who speaks
 * is heard, and only who does not is told to come back.
 */
export class SetAside {
  readonly #sockets = new Map<string, AsideSocket>();

  constructor(
    private readonly keptMs: number,
    private readonly closeGraceMs: number,
  ) {}

  /** @param onSpoken  its client says something: reading is paused until it is taken back or let go */
  keep(session: string, ws: WebSocket, onSpoken: (socket: AsideSocket) => void): AsideSocket {
    this.#sockets.get(session)?.letGo();
    const forget = (): void => {
      if (this.#sockets.get(session) === socket) this.#sockets.delete(session);
    };
    const speak = (): void => {
      forget();
      onSpoken(socket);
    };
    const socket = new AsideSocket(ws, this.keptMs, this.closeGraceMs, speak, forget);
    this.#sockets.set(session, socket);
    return socket;
  }

  /** The service stops. */
  letAllGo(): void {
    for (const socket of this.#sockets.values()) socket.letGo();
  }
}

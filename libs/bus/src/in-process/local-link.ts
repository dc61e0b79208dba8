import type { MessagePort } from 'node:worker_threads';
import type { ProblemDocument } from '#libs/contracts';

/** Towards the server of the other end: a request carries an id, an event none. */
export interface CallFrame {
  pattern: string;
  data: unknown;
  id?: number;
}

/** Towards the client of the other end; `done` ends the request. */
export interface ReplyFrame {
  replyTo: number;
  done: boolean;
  value?: unknown;
  problem?: ProblemDocument;
  /** Text of an error that is not a problem; says nothing about what went wrong inside. */
  failure?: string;
}

type Frame = CallFrame | ReplyFrame;
type Side<F> = (frame: F) => void;

/**
 * One end of a MessageChannel that carries both directions: a client here calls the server there, and the other way
 * round. Everything crosses by structured clone, in order, whether it is a call, an event or a reply. Calls that come
 * before a server listens are kept for it.
 */
export class LocalLink {
  #server: Side<CallFrame> | undefined;
  #client: Side<ReplyFrame> | undefined;
  #early: CallFrame[] = [];
  #closed = false;
  readonly #onClose: (() => void)[] = [];

  constructor(private readonly port: MessagePort) {
    port.on('message', (frame: Frame) => this.#receive(frame));
    port.on('close', () => this.#end());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws DataCloneError when the frame holds something alive, such as a function */
  post(frame: Frame): void {
    this.port.postMessage(frame);
  }

  attachServer(receive: Side<CallFrame>): void {
    this.#server = receive;
    for (const frame of this.#early.splice(0)) receive(frame);
  }

  detachServer(): void {
    this.#server = undefined;
  }

  attachClient(receive: Side<ReplyFrame>): void {
    if (this.#client) throw new Error('a link serves one client');
    this.#client = receive;
  }

  /** Called once, when either end has closed or its thread has ended; at once where that is so already. */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#onClose.push(listener);
  }

  close(): void {
    this.port.close();
    this.#end();
  }

  #receive(frame: Frame): void {
    if ('replyTo' in frame) this.#client?.(frame);
    else if (this.#server) this.#server(frame);
    else this.#early.push(frame);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#early = [];
    for (const listener of this.#onClose.splice(0)) listener();
  }
}

import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { Problem, Unavailable } from '#libs/contracts';
import type { LocalLink, ReplyFrame } from './local-link.js';

const gone = (): Problem =>
  new Unavailable('The part of the service that answers this is not running.', { retryAfterSeconds: 1 });

/** Client of a `LocalServer` at the other end of a link. */
export class LocalClient extends ClientProxy {
  readonly #pending = new Map<number, (packet: WritePacket) => void>();
  #lastId = 0;

  constructor(private readonly link: LocalLink) {
    super();
    link.attachClient((frame) => this.#settle(frame));
    link.onClose(() => this.#rejectAll());
  }

  async connect(): Promise<void> {
    if (this.link.closed) throw gone();
  }

  close(): void {
    this.link.close();
  }

  unwrap<T>(): T {
    return this.link as T;
  }

  protected publish({ pattern, data }: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#pending.set(id, callback);
    try {
      if (this.link.closed) throw gone();
      this.link.post({ id, pattern: this.normalizePattern(pattern), data });
    } catch (err) {
      this.#pending.delete(id);
      callback({ err });
    }
    return () => this.#pending.delete(id);
  }

  protected async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    this.link.post({ pattern: this.normalizePattern(pattern), data });
    return undefined as T;
  }

  #settle({ replyTo, done, value, problem, failure }: ReplyFrame): void {
    const callback = this.#pending.get(replyTo);
    if (!callback) return;
    if (done) this.#pending.delete(replyTo);
    if (problem) callback({ err: Problem.from(problem) });
    else if (failure !== undefined) callback({ err: new Error(failure) });
    else callback({ response: value, isDisposed: done });
  }

  #rejectAll(): void {
    const callbacks = [...this.#pending.values()];
    this.#pending.clear();
    for (const callback of callbacks) callback({ err: gone() });
  }
}

import { BaseRpcContext, type CustomTransportStrategy, Server, type WritePacket } from '@nestjs/microservices';
import { type Observable, throwError } from 'rxjs';
import { GENERIC_FAILURE, problemDocumentOf } from '../errors-on-the-bus.js';
import type { CallFrame, LocalLink, ReplyFrame } from './local-link.js';

/** Transport of Nest microservices inside one process: serves any number of links, of this thread or of workers. */
export class LocalServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('beamgate-local');
  readonly #links = new Set<LocalLink>();
  #listening = false;

  constructor(links: Iterable<LocalLink> = []) {
    super();
    for (const link of links) this.serve(link);
  }

  /** Adds a link, before or after `listen`. */
  serve(link: LocalLink): void {
    this.#links.add(link);
    link.onClose(() => this.#links.delete(link));
    if (this.#listening) this.#attach(link);
  }

  listen(callback: () => void): void {
    this.#listening = true;
    for (const link of this.#links) this.#attach(link);
    callback();
  }

  /** Takes no more calls. The links stay open for what their clients still wait for; who made them closes them. */
  close(): void {
    this.#listening = false;
    for (const link of this.#links) link.detachServer();
  }

  on(): never {
    throw new Error('a local server has no transport events');
  }

  unwrap<T>(): T {
    return this.#links as T;
  }

  #attach(link: LocalLink): void {
    link.attachServer((frame) => {
      this.#handle(link, frame).catch((error: unknown) => this.logger.error(error));
    });
  }

  async #handle(link: LocalLink, { pattern, data, id }: CallFrame): Promise<void> {
    const context = new BaseRpcContext([link, pattern]);
    if (id === undefined) return this.handleEvent(pattern, { pattern, data }, context);
    const handler = this.getHandlerByPattern(pattern);
    if (!handler) {
      this.logger.error(`nothing here answers ${pattern}`);
      return this.#reply(link, { replyTo: id, done: true, failure: GENERIC_FAILURE });
    }
    const answer = async (): Promise<Observable<unknown>> => {
      try {
        return this.transformToObservable(await handler(data, context));
      } catch (error) {
        return throwError(() => error);
      }
    };
    this.handleRequest(context, answer, (packet) => this.#reply(link, this.#frameOf(id, packet)));
  }

  #frameOf(replyTo: number, { err, response, isDisposed }: WritePacket): ReplyFrame {
    if (err !== undefined) return this.#failed(replyTo, err);
    const done = isDisposed === true;
    return response === undefined ? { replyTo, done } : { replyTo, done, value: response };
  }

  #failed(replyTo: number, error: unknown): ReplyFrame {
    const problem = problemDocumentOf(error);
    if (problem) return { replyTo, done: true, problem };
    // What Nest's own filter made of a bug is logged by it already, and is no Error any more.
    if (error instanceof Error) this.logger.error(error);
    return { replyTo, done: true, failure: GENERIC_FAILURE };
  }

  #reply(link: LocalLink, frame: ReplyFrame): void {
    if (link.closed) return;
    try {
      link.post(frame);
    } catch (error) {
      this.logger.error(error);
      link.post({ replyTo: frame.replyTo, done: true, failure: GENERIC_FAILURE });
    }
  }
}

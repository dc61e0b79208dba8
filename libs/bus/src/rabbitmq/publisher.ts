import { randomUUID } from 'node:crypto';
import type { ConfirmChannel, Options } from 'amqplib';
import { Unavailable } from '#libs/contracts';
import { RABBIT_DEFAULTS, type RabbitOptions } from './rabbit-options.js';

export interface Outgoing {
  exchange: string;
  key: string;
  content: Buffer;
  properties: Options.Publish;
  /** Send it again where the connection was lost before the confirmation: under the same message id. */
  repeat: boolean;
}

interface Pending extends Outgoing {
  id: string;
  dueAt: number;
  sent: boolean;
  /** Came back: there is no queue for it. */
  returned: boolean;
  done(error?: Error): void;
}

const unavailable = (detail: string): Unavailable => new Unavailable(detail, { retryAfterSeconds: 1 });

/**
 * Publishes with confirmation: what resolves is on the disks of a majority. While there is no connection, messages wait,
 * bounded in number and time.
 */
export class Publisher {
  readonly #pending = new Map<string, Pending>();
  readonly #publishMs: number;
  readonly #max: number;
  #channel: ConfirmChannel | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ publishMs, maxPublishing }: RabbitOptions) {
    this.#publishMs = publishMs ?? RABBIT_DEFAULTS.publishMs;
    this.#max = maxPublishing ?? RABBIT_DEFAULTS.maxPublishing;
  }

  /** Messages that are not confirmed yet. */
  get waiting(): number {
    return this.#pending.size;
  }

  /**
   * @throws Unavailable where too many wait, no queue takes the message, the queue is full, or no confirmation came in
   *   time; in the last case it may arrive all the same
   */
  publish(message: Outgoing): Promise<void> {
    if (this.#pending.size >= this.#max) return Promise.reject(unavailable('Too many messages wait for RabbitMQ.'));
    return new Promise((resolve, reject) => {
      const id = message.properties.messageId ?? randomUUID();
      const done = (error?: Error): void => {
        if (this.#pending.delete(id)) error ? reject(error) : resolve();
      };
      const pending = { ...message, id, dueAt: Date.now() + this.#publishMs, sent: false, returned: false, done };
      this.#pending.set(id, pending);
      this.#watch();
      if (this.#channel) this.#send(this.#channel, pending);
    });
  }

  /** Sends what waits, in the order it came. */
  opened(channel: ConfirmChannel): void {
    this.#channel = channel;
    // Before amqplib's own listener, which calls every unconfirmed message refused.
    channel.prependListener('close', () => {
      if (this.#channel === channel) this.lost();
    });
    channel.on('return', ({ properties }) => {
      const pending = this.#pending.get(String(properties.messageId));
      if (pending) pending.returned = true;
    });
    for (const pending of this.#pending.values()) this.#send(channel, pending);
  }

  /** What was sent and must not be sent twice fails; the rest waits for the next connection. */
  lost(): void {
    this.#channel = undefined;
    for (const pending of this.#pending.values()) {
      if (pending.sent && !pending.repeat) pending.done(unavailable('The connection to RabbitMQ was lost.'));
      else pending.sent = false;
    }
  }

  close(): void {
    this.#channel = undefined;
    clearTimeout(this.#timer);
    for (const pending of this.#pending.values()) pending.done(unavailable('The service is stopping.'));
  }

  #send(channel: ConfirmChannel, pending: Pending): void {
    const { exchange, key, content, properties, id } = pending;
    pending.sent = true;
    const confirmed = (error: unknown): void => {
      // Of a channel that is gone: it was not refused, it is not known.
      if (channel !== this.#channel) return;
      if (error) pending.done(unavailable(`RabbitMQ refused a message for ${key}: as many wait as may wait.`));
      else if (pending.returned) pending.done(unavailable(`Nobody takes messages for ${key}.`));
      else pending.done();
    };
    try {
      channel.publish(exchange, key, content, { ...properties, messageId: id }, confirmed);
    } catch {
      // The channel closed under our hands; `lost` comes next.
    }
  }

  /** One timer for all: they fall due in the order they came. */
  #watch(): void {
    if (this.#timer) return;
    const [first] = this.#pending.values();
    if (first === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        for (const pending of this.#pending.values()) {
          if (pending.dueAt > Date.now()) break;
          pending.done(unavailable(`RabbitMQ did not confirm within ${this.#publishMs / 1000} s.`));
        }
        this.#watch();
      },
      Math.max(1, first.dueAt - Date.now()),
    );
  }
}

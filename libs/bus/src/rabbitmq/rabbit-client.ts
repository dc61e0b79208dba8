import { randomUUID } from 'node:crypto';
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { Problem, Unavailable } from '#libs/contracts';
import { GENERIC_FAILURE } from '../errors-on-the-bus.js';
import { decodedReply, encoded } from './envelope.js';
import { type Outgoing, Publisher } from './publisher.js';
import { RabbitConnection } from './rabbit-connection.js';
import { RABBIT_DEFAULTS, type RabbitOptions } from './rabbit-options.js';
import { EXCHANGES, type ServiceName } from './topology.js';

/** Who a client speaks to: one service, or every gateway (which take events only). */
export type Addressee = ServiceName | 'gateways';

const REPLIES = 'amq.rabbitmq.reply-to';

/**
 * Client of `RabbitServer`s. An event resolves when the broker has confirmed it, and is sent again, under its id, over
 * an outage; a command is sent once, and fails when its connection is lost.
 */
export class RabbitClient extends ClientProxy {
  readonly #replies = new Map<string, (packet: WritePacket) => void>();
  /** Commands that the broker has: their answer is all that is missing. */
  readonly #asked = new Set<string>();
  readonly #publisher: Publisher;
  readonly #connection: RabbitConnection;
  readonly #timeoutMs: number;

  constructor(
    private readonly options: RabbitOptions,
    private readonly addressee: Addressee,
  ) {
    super();
    this.#timeoutMs = options.timeoutMs ?? RABBIT_DEFAULTS.timeoutMs;
    this.#publisher = new Publisher(options);
    this.#connection = new RabbitConnection(options, {
      opened: (model) => this.#opened(model),
      lost: () => this.#lost(),
    });
  }

  /** Does not wait for the connection: what is sent meanwhile waits, bounded. */
  async connect(): Promise<void> {
    this.#connection.start();
  }

  async close(): Promise<void> {
    this.#publisher.close();
    this.#fail([...this.#replies.keys()]);
    await this.#connection.close();
  }

  unwrap<T>(): T {
    return this.#connection as T;
  }

  protected publish({ pattern, data }: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const correlationId = randomUUID();
    this.#replies.set(correlationId, callback);
    const properties = { replyTo: REPLIES, correlationId, expiration: this.#timeoutMs };
    this.#publisher.publish(this.#message(pattern, data, properties, false)).then(
      () => this.#replies.has(correlationId) && this.#asked.add(correlationId),
      (err: unknown) => {
        if (this.#forget(correlationId)) callback({ err });
      },
    );
    return () => this.#forget(correlationId);
  }

  protected async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    await this.#publisher.publish(this.#message(pattern, data, {}, true));
    return undefined as T;
  }

  #message(pattern: string, data: unknown, properties: Outgoing['properties'], repeat: boolean): Outgoing {
    const toGateways = this.addressee === 'gateways';
    return {
      exchange: toGateways ? EXCHANGES.events : EXCHANGES.services,
      key: toGateways ? '' : this.addressee,
      content: encoded({ pattern: this.normalizePattern(pattern), data }, this.options.seal),
      // A gateway that is not there reads the store when it comes; a service that has no queue is a fault.
      properties: { ...properties, mandatory: !toGateways, persistent: true, contentType: 'application/json' },
      repeat,
    };
  }

  async #opened(model: ChannelModel): Promise<void> {
    const channel = await model.createConfirmChannel();
    channel.on('error', () => undefined);
    channel.on('close', () => this.#connection.renew());
    await channel.consume(REPLIES, (message) => message && this.#settle(message), { noAck: true });
    this.#publisher.opened(channel);
  }

  #settle({ content, properties }: ConsumeMessage): void {
    const id = String(properties.correlationId);
    const callback = this.#replies.get(id);
    if (!callback) return;
    const { done, value, problem, failure } = decodedReply(content, this.options.seal);
    if (done) this.#forget(id);
    if (problem) callback({ err: Problem.from(problem) });
    else if (failure !== undefined) callback({ err: new Error(GENERIC_FAILURE) });
    else callback({ response: value, isDisposed: done });
  }

  /** Answers are sent to the channel that asked: after it nobody hears them. */
  #lost(): void {
    this.#publisher.lost();
    this.#fail([...this.#asked]);
  }

  #fail(ids: readonly string[]): void {
    for (const id of ids) {
      const callback = this.#replies.get(id);
      this.#forget(id);
      callback?.({ err: new Unavailable('The connection to RabbitMQ was lost.', { retryAfterSeconds: 1 }) });
    }
  }

  #forget(id: string): boolean {
    this.#asked.delete(id);
    return this.#replies.delete(id);
  }
}

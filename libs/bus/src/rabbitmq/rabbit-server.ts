import { setTimeout as delay } from 'node:timers/promises';
import { type CustomTransportStrategy, Server, type WritePacket } from '@nestjs/microservices';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { lastValueFrom, type Observable, throwError } from 'rxjs';
import type { Seal } from '#libs/domain';
import { GENERIC_FAILURE, problemDocumentOf } from '../errors-on-the-bus.js';
import { Deliveries, type Delivery } from './deliveries.js';
import { type CallEnvelope, decodedCall, encoded, type ReplyEnvelope } from './envelope.js';
import type { Addressee } from './rabbit-client.js';
import { RabbitConnection } from './rabbit-connection.js';
import { RabbitContext } from './rabbit-context.js';
import { RABBIT_DEFAULTS, type RabbitOptions } from './rabbit-options.js';
import { EXCHANGES, MAX_QUEUED, queueOf } from './topology.js';

export interface RabbitServerOptions extends RabbitOptions {
  /** The service that this is; `gateways`: one of the gateways, each of which hears every event. */
  serves: Addressee;
  /**
   * Of several that serve the same, the one with the highest gets what it can take. The epoch of a leader belongs here:
   * until the broker notices that an earlier one is gone, half of the messages would go there.
   */
  priority?: number;
  /** Called where events may have been missed, because there was no connection: a gateway reads the store then. */
  onGap?: () => void;
  /** How long work under way is waited for at the end, milliseconds; what is not done then is delivered to the next. */
  drainMs?: number;
}

const DRAIN_MS = 5_000;

/**
 * Transport of Nest microservices over RabbitMQ. A message is acknowledged when its handler has ended: an event that
 * fails is delivered again, up to the limit, a command is answered with the failure.
 */
export class RabbitServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('beamgate-rabbitmq');
  readonly #connection: RabbitConnection;
  readonly #deliveries = new Deliveries();
  #channel: Channel | undefined;
  #consumerTag: string | undefined;
  #listening: (() => void) | undefined;
  #connections = 0;

  constructor(private readonly options: RabbitServerOptions) {
    super();
    this.#connection = new RabbitConnection(options, {
      opened: (model) => this.#opened(model),
      lost: () => {
        this.#channel = undefined;
      },
    });
  }

  /** Calls back when messages come; RabbitMQ may be away until then. */
  listen(callback: () => void): void {
    this.#listening = callback;
    this.#connection.start();
  }

  /** Takes no more messages, and lets those under way end. */
  async close(): Promise<void> {
    const [channel, tag] = [this.#channel, this.#consumerTag];
    if (channel && tag !== undefined) await channel.cancel(tag).catch(() => undefined);
    const stop = new AbortController();
    const late = delay(this.options.drainMs ?? DRAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    await Promise.race([this.#deliveries.idle(), late]);
    stop.abort();
    await this.#connection.close();
  }

  /** Why no messages come, as a sentence; undefined while they do. */
  get trouble(): string | undefined {
    return this.#connection.trouble;
  }

  on(): never {
    throw new Error('a RabbitMQ server has no transport events');
  }

  unwrap<T>(): T {
    return this.#connection as T;
  }

  async #opened(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel();
    channel.on('error', (error) => this.options.warn?.(`A channel to RabbitMQ broke: ${error.message}`));
    channel.on('close', () => this.#connection.renew());
    await channel.prefetch(this.options.prefetch ?? RABBIT_DEFAULTS.prefetch);
    this.#channel = channel;
    const take = (message: ConsumeMessage | null): void => {
      // The broker took the queue away.
      if (message === null) this.#connection.renew();
      else this.#take({ channel, message });
    };
    const { priority = 0 } = this.options;
    const { consumerTag } = await channel.consume(await this.#queue(channel), take, { priority });
    this.#consumerTag = consumerTag;
    this.#connections += 1;
    if (this.#connections > 1) this.options.onGap?.();
    this.#listening?.();
    this.#listening = undefined;
  }

  async #queue(channel: Channel): Promise<string> {
    const { serves } = this.options;
    if (serves !== 'gateways') return queueOf(serves);
    // A gateway's own: gone with its connection, for one that returns reads the store.
    const { queue } = await channel.assertQueue('', { exclusive: true, durable: false, maxLength: MAX_QUEUED });
    await channel.bindQueue(queue, EXCHANGES.events, '');
    return queue;
  }

  #take(delivery: Delivery): void {
    const { messageId, deliveryTag } = { ...delivery.message.properties, ...delivery.message.fields };
    const id = String(messageId ?? `${this.#connections}.${deliveryTag}`);
    const next = this.#deliveries.begin(id, delivery);
    if (next === 'done') this.#on(delivery, (channel, message) => channel.ack(message));
    if (next !== 'work') return;
    this.#work(id, delivery.message).catch((error: unknown) => {
      this.logger.error(error);
      const again = !(error instanceof Unreadable);
      for (const failed of this.#deliveries.end(id, { remember: false }))
        this.#on(failed, (channel, message) => channel.nack(message, false, again));
    });
  }

  async #work(id: string, message: ConsumeMessage): Promise<void> {
    const call = readable(message, this.options.seal);
    const context = new RabbitContext(call.pattern, id);
    const isEvent = message.properties.replyTo === undefined;
    if (isEvent) await this.#event(call, context);
    else await this.#command(call, context, id);
    for (const delivery of this.#deliveries.end(id, { remember: isEvent }))
      this.#on(delivery, (channel, done) => channel.ack(done));
  }

  async #event({ pattern, data }: CallEnvelope, context: RabbitContext): Promise<void> {
    const handler = this.getHandlerByPattern(pattern);
    // Of a newer version of who told it: nothing that we could do would help.
    if (!handler) throw new Unreadable(`nothing here takes ${pattern}`);
    const result = await handler(data, context);
    await lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
  }

  #command({ pattern, data }: CallEnvelope, context: RabbitContext, id: string): Promise<void> {
    const handler = this.getHandlerByPattern(pattern);
    if (!handler) {
      this.logger.error(`nothing here answers ${pattern}`);
      this.#reply(id, { done: true, failure: GENERIC_FAILURE });
      return Promise.resolve();
    }
    const answer = async (): Promise<Observable<unknown>> => {
      try {
        return this.transformToObservable(await handler(data, context));
      } catch (error) {
        return throwError(() => error);
      }
    };
    return new Promise((resolve) => {
      this.handleRequest(context, answer, (packet) => {
        const reply = this.#replyOf(packet);
        this.#reply(id, reply);
        if (reply.done) resolve();
      });
    });
  }

  #replyOf({ err, response, isDisposed }: WritePacket): ReplyEnvelope {
    if (err !== undefined) {
      const problem = problemDocumentOf(err);
      if (problem) return { done: true, problem };
      if (err instanceof Error) this.logger.error(err);
      return { done: true, failure: GENERIC_FAILURE };
    }
    const done = isDisposed === true;
    return response === undefined ? { done } : { done, value: response };
  }

  /** Who asked may be gone; then nobody hears it. */
  #reply(id: string, reply: ReplyEnvelope): void {
    const delivery = this.#deliveries.latest(id);
    if (!delivery) return;
    this.#on(delivery, (channel, { properties: { replyTo, correlationId } }) => {
      channel.sendToQueue(replyTo, this.#encoded(reply), { correlationId, contentType: 'application/json' });
    });
  }

  #encoded(reply: ReplyEnvelope): Buffer {
    try {
      return encoded(reply, this.options.seal);
    } catch (error) {
      this.logger.error(error);
      return encoded({ done: true, failure: GENERIC_FAILURE }, this.options.seal);
    }
  }

  /** Does nothing where the message's channel is gone: the broker delivers it again. */
  #on({ channel, message }: Delivery, act: (channel: Channel, message: ConsumeMessage) => void): void {
    if (channel === this.#channel) act(channel, message);
  }
}

/** A message that no further delivery would make better. */
class Unreadable extends Error {}

function readable({ content }: ConsumeMessage, seal?: Seal): CallEnvelope {
  try {
    return decodedCall(content, seal);
  } catch (cause) {
    throw new Unreadable('a message that is not ours', { cause });
  }
}

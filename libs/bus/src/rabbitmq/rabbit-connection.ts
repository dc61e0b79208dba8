import type { ChannelModel, RecoveringChannelModel } from 'amqplib';
import { RABBIT_DEFAULTS, type RabbitOptions } from './rabbit-options.js';
import { declareTopology } from './topology.js';

/** What lives on a connection and is made anew with each. */
export interface ConnectionUser {
  /** The topology is declared. A rejection ends the connection, and another is made. */
  opened(model: ChannelModel): Promise<void>;
  /** Nothing that was made in `opened` is of use any more. */
  lost(): void;
}

/** A peer that is gone without a word is noticed after two of them. */
const HEARTBEAT_SECONDS = 5;

/** A connection that is made again, with growing pauses, whenever it is lost, for as long as it is not closed. */
export class RabbitConnection {
  #recovering: Promise<RecoveringChannelModel> | undefined;
  #model: ChannelModel | undefined;
  #closed = false;
  #trouble: string | undefined = 'RabbitMQ was not reached yet';

  constructor(
    private readonly options: RabbitOptions,
    private readonly user: ConnectionUser,
  ) {}

  /** Why there is no connection, as a sentence; undefined where there is one. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Begins to connect; does not wait for it. */
  start(): void {
    this.#recovering ??= this.#connect();
  }

  /** Gives the connection up for a new one: something on it broke that nothing else repairs. */
  renew(): void {
    this.#model?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#recovering)?.close();
  }

  async #connect(): Promise<RecoveringChannelModel> {
    // Loaded where it is used: the embedded service has no RabbitMQ.
    // By its default: in a bundle a CommonJS package has no other export.
    const { default: amqplib } = await import('amqplib');
    const { url, tls, name, reconnectMs = RABBIT_DEFAULTS.reconnectMs } = this.options;
    const recovering = await amqplib.connect(withHeartbeat(url), {
      ...tls,
      noDelay: true,
      keepAlive: true,
      timeout: 10_000,
      clientProperties: { connection_name: `beamgate ${name}` },
      recovery: {
        initialDelay: reconnectMs / 50,
        maxDelay: reconnectMs,
        jitter: 0.5,
        waitForConnect: false,
        setup: (model: ChannelModel) => this.#setUp(model),
      },
    });
    recovering.on('error', () => undefined);
    recovering.on('blocked', (reason) => this.#warn('RabbitMQ takes no messages', new Error(reason)));
    recovering.on('disconnect', (error) => {
      this.#model = undefined;
      this.user.lost();
      this.#trouble = this.#warn('The connection to RabbitMQ is lost', error);
    });
    recovering.on('connect-failed', (error) => {
      this.user.lost();
      this.#trouble = this.#warn('RabbitMQ can’t be reached', error);
    });
    return recovering;
  }

  async #setUp(model: ChannelModel): Promise<void> {
    // Without a listener an error in these first moments would end the process.
    model.on('error', () => undefined);
    const channel = await model.createChannel();
    channel.on('error', () => undefined);
    await declareTopology(channel);
    await channel.close();
    this.#model = model;
    await this.user.opened(model);
    this.#trouble = undefined;
  }

  #warn(what: string, error: Error): string {
    const sentence = `${what}: ${error.message}`;
    if (!this.#closed) this.options.warn?.(sentence);
    return sentence;
  }
}

function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', `${HEARTBEAT_SECONDS}`);
  return parsed.href;
}

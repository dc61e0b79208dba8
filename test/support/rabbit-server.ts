import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfirmChannel, connect } from 'amqplib';
import { deadLettersOf, declareTopology, EXCHANGES, queueOf, SERVICES, UNROUTED_QUEUE } from '#libs/bus';
import { Child } from './child.js';
import { cleanEnvironment, freePort, remove, resultsFolder, temporaryFolder } from './gateway.js';
import { parts } from './parts.js';
import type { TlsParty } from './tls-authority.js';

const NODE = 'test@localhost';

export interface RabbitServerSettings {
  /** It speaks TLS alone, shows this certificate, and takes nobody without one of the same authority. */
  tls?: TlsParty;
}

/**
 * A RabbitMQ of our own on free ports of loopback, in a temporary folder, with the port mapper of Erlang that it needs.
 * The process is Erlang's own, no script before it, so that `kill -9` meets the broker.
 */
export class RabbitServer {
  readonly folder = temporaryFolder('mq');
  private readonly cookie = randomUUID();
  private mapper: Child | undefined;
  private child: Child | undefined;

  private constructor(
    private readonly ports: { amqp: number; distribution: number; mapper: number },
    private readonly tls: TlsParty | undefined,
  ) {}

  static async start({ tls }: RabbitServerSettings = {}): Promise<RabbitServer> {
    const [amqp, distribution, mapper] = [freePort(), freePort(), freePort()];
    const server = new RabbitServer({ amqp, distribution, mapper }, tls);
    await server.startAgain();
    return server;
  }

  get url(): string {
    return `${this.tls ? 'amqps' : 'amqp'}://guest:guest@127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.ports.amqp;
  }

  /** A channel of the test itself, for what only the broker knows. */
  async withChannel<T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const connection = await connect(this.url, this.tls?.options);
    connection.on('error', () => undefined);
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => undefined);
      return await work(channel);
    } finally {
      await connection.close().catch(() => undefined);
    }
  }

  /** Messages that wait in a queue. */
  async count(queue: string): Promise<number> {
    return (await this.withChannel((channel) => channel.checkQueue(queue))).messageCount;
  }

  /**
   * Declares our queues and restarts in order. RabbitMQ 3.10 writes the list of quorum queues some seconds late: one that
   * was made within them does not come up after a `kill -9`.
   */
  async settle(): Promise<void> {
    await this.withChannel(declareTopology);
    await this.child?.end('SIGTERM');
    await this.startAgain();
  }

  /** Empties our queues. */
  async purge(): Promise<void> {
    await this.withChannel(async (channel) => {
      for (const queue of this.#queues()) await channel.purgeQueue(queue);
    });
  }

  /** Takes all queues and exchanges of ours away. */
  async reset(): Promise<void> {
    await this.withChannel(async (channel) => {
      for (const queue of this.#queues()) await channel.deleteQueue(queue);
      for (const exchange of Object.values(EXCHANGES)) await channel.deleteExchange(exchange);
    });
  }

  /** Keeps at most so many messages in each queue of ours while `work` goes on. */
  async withLimit(messages: number, work: () => Promise<void>): Promise<void> {
    const definition = JSON.stringify({ 'max-length': messages });
    await this.#control('set_policy', '--apply-to', 'queues', 'limit', '^beamgate', definition);
    try {
      await work();
    } finally {
      await this.#control('clear_policy', 'limit');
    }
  }

  /** `kill -9` of the broker. */
  async crash(): Promise<void> {
    await this.child?.end('SIGKILL');
  }

  /** After `crash`; on the same ports and data. */
  async startAgain(): Promise<void> {
    mkdirSync(join(this.folder, 'log'), { recursive: true });
    const settings = ['vm_memory_high_watermark.absolute = 512MB', ...(this.tls ? this.#secure(this.tls) : [])];
    writeFileSync(join(this.folder, 'rabbitmq.conf'), `${settings.join('\n')}\n`);
    writeFileSync(join(this.folder, 'plugins'), '[].\n');
    this.mapper ??= this.#program('epmd', 'epmd', ['-address', '127.0.0.1', '-port', `${this.ports.mapper}`]);
    this.child = this.#program('RabbitMQ', join(parts().rabbitmq, 'rabbitmq-server'), []);
    await this.child.prints(/completed with \d+ plugins/);
  }

  async remove(): Promise<void> {
    await this.child?.end('SIGKILL');
    await this.mapper?.end('SIGKILL');
    remove(this.folder);
  }

  #queues(): string[] {
    return [...SERVICES.map(queueOf).flatMap((queue) => [queue, deadLettersOf(queue)]), UNROUTED_QUEUE];
  }

  async #control(...args: string[]): Promise<void> {
    const to = ['-n', NODE, '--erlang-cookie', this.cookie];
    const program = this.#program('rabbitmqctl', join(parts().rabbitmq, 'rabbitmqctl'), [...to, ...args]);
    const ended = await program.ended;
    if (ended !== 0) throw new Error(`rabbitmqctl failed (${ended}): ${program.output}`);
  }

  #program(name: string, command: string, args: string[]): Child {
    return new Child(name, command, args, {
      env: this.#environment(),
      cwd: this.folder,
      logFile: join(resultsFolder('services'), 'rabbitmq.log'),
    });
  }

  #secure({ files: { ca, certificate, key } }: TlsParty): string[] {
    return [
      'listeners.tcp = none',
      `listeners.ssl.1 = 127.0.0.1:${this.ports.amqp}`,
      `ssl_options.cacertfile = ${ca}`,
      `ssl_options.certfile = ${certificate}`,
      `ssl_options.keyfile = ${key}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
    ];
  }

  #environment(): NodeJS.ProcessEnv {
    const { amqp, distribution, mapper } = this.ports;
    return {
      ...cleanEnvironment(),
      HOME: this.folder,
      // Makes the start script become Erlang instead of waiting for it.
      RUNNING_UNDER_SYSTEMD: 'true',
      RABBITMQ_NODENAME: NODE,
      ...(this.tls ? {} : { RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1', RABBITMQ_NODE_PORT: `${amqp}` }),
      RABBITMQ_DIST_PORT: `${distribution}`,
      RABBITMQ_CONF_ENV_FILE: join(this.folder, 'none'),
      RABBITMQ_CONFIG_FILE: join(this.folder, 'rabbitmq'),
      RABBITMQ_MNESIA_BASE: join(this.folder, 'data'),
      RABBITMQ_LOG_BASE: join(this.folder, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(this.folder, 'plugins'),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: `${mapper}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface {127,0,0,1} -setcookie ${this.cookie} +sbwt none`,
    };
  }
}

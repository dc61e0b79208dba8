import type { Gateway } from './gateway.js';
import { remove, temporaryFolder } from './gateway.js';
import { PostgresServer } from './postgres-server.js';
import { processesWith } from './processes.js';
import { RabbitServer } from './rabbit-server.js';
import { ServiceProcess } from './service-process.js';
import { sealingKeyFile } from './test-seal.js';

const TOKEN = 'of-the-test';

/** One gateway of several, as clients see it. */
class Edge implements Gateway {
  readonly token = TOKEN;
  constructor(readonly service: ServiceProcess) {}
  get name(): string {
    return this.service.name;
  }
  get url(): string {
    return this.service.url;
  }
  get pid(): number {
    return this.service.pid;
  }
  async stop(): Promise<void> {
    await this.service.stop();
  }
  kill(): Promise<void> {
    return this.service.kill();
  }
  startAgain(): Promise<void> {
    return this.service.start();
  }
}

export interface ScaleOutOptions {
  /** Settings of every service. */
  config?: Record<string, unknown>;
  env?: Record<string, string>;
  /** PostgreSQL flushes to disk, as it must where it is killed. */
  durable?: boolean;
  /** RabbitMQ is not killed: then it need not be started twice. */
  brokerStays?: boolean;
}

/**
 * Beamgate as separate services on PostgreSQL and RabbitMQ, on loopback: two gateways, two gatekeepers of which one
 * stands by, and a launcher of processes.
 */
export class ScaleOut {
  gateways!: [Edge, Edge];
  readonly gatekeepers: ServiceProcess[] = [];
  launcher!: ServiceProcess;
  readonly #folder = temporaryFolder('edge');

  private constructor(
    readonly database: PostgresServer,
    readonly broker: RabbitServer,
    readonly databaseUrl: string,
  ) {}

  static async start(options: ScaleOutOptions = {}): Promise<ScaleOut> {
    const { config = {}, env = {}, durable = false, brokerStays = false } = options;
    const [database, broker] = await Promise.all([PostgresServer.start({ durable }), RabbitServer.start()]);
    if (!brokerStays) await broker.settle();
    const all = new ScaleOut(database, broker, await database.createDatabase());
    const common = {
      store: { url: all.databaseUrl },
      bus: { url: broker.url },
      auth: { staticToken: TOKEN, staticTokenUser: 'ada' },
      sealingKeyFile: sealingKeyFile(),
      ...config,
    };
    const service = (kind: 'gateway' | 'gatekeeper' | 'launcher', name: string, data?: string): ServiceProcess =>
      new ServiceProcess({ kind, name, config: common, env, ...(data === undefined ? {} : { data }) });
    all.launcher = service('launcher', 'launcher');
    all.gatekeepers.push(service('gatekeeper', 'gatekeeper-1'), service('gatekeeper', 'gatekeeper-2'));
    // They share the keys of the built-in issuer.
    const edge = (name: string): Edge => new Edge(service('gateway', name, all.#folder));
    all.gateways = [edge('gateway-1'), edge('gateway-2')];
    await all.startServices();
    return all;
  }

  /** The first of the gatekeepers leads. */
  async startServices(): Promise<void> {
    const [leader, standby] = this.gatekeepers;
    await Promise.all([leader?.start(), this.launcher.start()]);
    standby?.begin();
    await Promise.all(this.gateways.map(({ service }) => service.start()));
  }

  /** In order. @returns how each ended; 0 where it closed as it should */
  stopServices(): Promise<(number | NodeJS.Signals | null)[]> {
    return Promise.all(this.services.map((service) => service.stop()));
  }

  get services(): ServiceProcess[] {
    return [...this.gateways.map(({ service }) => service), ...this.gatekeepers, this.launcher];
  }

  /** Ends everything, kernels too. */
  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.kill()));
    for (const pid of processesWith(this.launcher.data)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with another.
      }
    }
    await Promise.all([this.database.remove(), this.broker.remove()]);
    for (const folder of [this.#folder, ...this.services.map(({ data }) => data)]) remove(folder);
  }
}

import type { INestMicroservice } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { GatekeeperModule } from '#apps/gatekeeper/src/index';
import { rabbitServer } from '#libs/bus';
import { Config } from '#libs/platform';
import { openPostgresStore, type Store } from '#libs/store';
// Not by the index, which needs jest: a process of its own may be this gatekeeper.
import { FakeGateways } from '../../libs/testing/src/fake-gateways.js';
import { FakeLauncher } from '../../libs/testing/src/fake-launcher.js';
import { realClock as clock } from './real-clock.js';

export interface GatekeeperParts {
  database: string;
  broker: string;
  /** Of the lease; another name stands by until that of the leader has run out. */
  holder?: string;
  scheduling?: Partial<Config['scheduling']>;
}

/** A gatekeeper on PostgreSQL and RabbitMQ, between fakes of launcher and gateways. */
export class ScaleOutGatekeeper {
  readonly launcher = new FakeLauncher();
  readonly gateways = new FakeGateways();
  #app: INestMicroservice | undefined;
  #store: Store | undefined;

  private constructor() {}

  /** Resolves when it leads and takes messages. */
  static async start(parts: GatekeeperParts): Promise<ScaleOutGatekeeper> {
    const { database: url, broker, holder = 'gatekeeper', scheduling = {} } = parts;
    const gatekeeper = new ScaleOutGatekeeper();
    const { launcher, gateways } = gatekeeper;
    const store = await openPostgresStore({ url, holder, clock });
    gatekeeper.#store = store;
    const config = Config.parse({ scheduling });
    const module = await Test.createTestingModule({
      imports: [GatekeeperModule.with({ config, store, launcher, gateways, clock })],
    }).compile();
    const served = { serves: 'gatekeeper', priority: store.epoch, drainMs: 1_000 } as const;
    const strategy = await rabbitServer({ url: broker, name: holder, ...served });
    gatekeeper.#app = module.createNestMicroservice({ strategy, logger: false });
    await gatekeeper.#app.listen();
    return gatekeeper;
  }

  async stop(): Promise<void> {
    await this.#app?.close();
    await this.#store?.close();
  }
}

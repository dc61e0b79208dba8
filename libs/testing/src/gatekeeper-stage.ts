import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { DynamicModule, INestMicroservice } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CommandClient, LocalClient, LocalLink, LocalServer } from '#libs/bus';
import { Config } from '#libs/platform';
import { openStore, type Store } from '#libs/store';
import { FakeClock } from './fake-clock.js';
import { FakeGateways } from './fake-gateways.js';
import { FakeLauncher } from './fake-launcher.js';

interface Parts {
  config: Config;
  store: Store;
  launcher: FakeLauncher;
  gateways: FakeGateways;
  clock: FakeClock;
}

/** A gatekeeper on a real database file, between fakes of its neighbours, with time in the spec's hand. */
export class GatekeeperStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'beamgate-gatekeeper-'));
  readonly path = join(this.folder, 'beamgate.sqlite');
  readonly clock = new FakeClock();
  launcher = new FakeLauncher();
  gateways = new FakeGateways();
  client!: CommandClient;
  store!: Store;
  /** Commits fail while it is set. */
  storeFailure: Error | undefined;
  commits = 0;
  #app: INestMicroservice | undefined;

  constructor(
    private readonly compose: (parts: Parts) => DynamicModule,
    private readonly scheduling: Partial<Config['scheduling']> = {},
    private readonly settings: Partial<{ [K in keyof Config]: Partial<Config[K]> }> = {},
  ) {}

  async start(): Promise<this> {
    const config = Config.parse({ ...this.settings, scheduling: this.scheduling });
    this.store = await openStore(this.path);
    const { launcher, gateways, clock } = this;
    const module = this.compose({ config, store: this.#watched(this.store), launcher, gateways, clock });
    const compiled = await Test.createTestingModule({ imports: [module] }).compile();
    const { port1, port2 } = new MessageChannel();
    this.#app = compiled.createNestMicroservice({ strategy: new LocalServer([new LocalLink(port1)]), logger: false });
    await this.#app.listen();
    this.client = new CommandClient(new LocalClient(new LocalLink(port2)), { timeoutMs: 5_000 });
    return this;
  }

  /** As a crash leaves it: the file is let go, nothing is finished. The neighbours are new. */
  async crash(): Promise<void> {
    this.storeFailure = new Error('the process is dead');
    await this.store.close();
    await this.client.close();
    await this.#app?.close();
    this.storeFailure = undefined;
    this.launcher = new FakeLauncher();
    this.gateways = new FakeGateways();
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.#app?.close();
    await this.store.close();
    rmSync(this.folder, { recursive: true });
  }

  #watched(store: Store): Store {
    return new Proxy(store, {
      get: (target, key) => {
        if (key !== 'commit') {
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return async (batch: Parameters<Store['commit']>[0]) => {
          if (this.storeFailure) throw this.storeFailure;
          this.commits += 1;
          return target.commit(batch);
        };
      },
    });
  }
}

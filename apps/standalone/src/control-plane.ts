import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { GatekeeperModule, systemClock } from '#apps/gatekeeper/src/index';
import { LauncherModule } from '#apps/launcher/src/index';
import { CommandClient, LocalClient, LocalLink, LocalServer } from '#libs/bus';
import { type Config, createLog, NestLog } from '#libs/platform';
import { podHost } from './pod-host.js';
import { processHost } from './process-host.js';
import { storeOf } from './store.js';

/** What the edge gives this thread. */
export interface ControlPlaneData {
  config: Config;
  /** Variables of the service that kernels get. */
  inherited: Record<string, string>;
  /** Towards the gateway. */
  port: MessagePort;
}

// Gatekeeper, launcher and store in a thread of their own: a commit never stalls a kernel's messages.
const { config, inherited, port } = workerData as ControlPlaneData;
const log = createLog(config);
const logger = new NestLog(log);
const toGateway = new LocalLink(port);
const between = new MessageChannel();
const toLauncher = new LocalLink(between.port1);
const toGatekeeper = new LocalLink(between.port2);

const store = await storeOf(config, systemClock, (deposed) => {
  throw deposed;
});
const launcher = await NestFactory.createMicroservice(
  LauncherModule.with({
    host: config.compute.host === 'kubernetes' ? await podHost(config, log) : processHost(config, inherited, log),
    facts: new CommandClient(new LocalClient(toGatekeeper)),
  }),
  { strategy: new LocalServer([toGatekeeper]), logger },
);
const gatekeeper = await NestFactory.createMicroservice(
  GatekeeperModule.with({
    config,
    store,
    launcher: new CommandClient(new LocalClient(toLauncher)),
    gateways: new CommandClient(new LocalClient(toGateway)),
  }),
  { strategy: new LocalServer([toLauncher, toGateway]), logger },
);
await launcher.listen();
await gatekeeper.listen();

async function close(): Promise<void> {
  await gatekeeper.close();
  await launcher.close();
  await store.close();
  process.exit();
}
parentPort?.once('message', () => void close());
parentPort?.postMessage('ready');

import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { GatekeeperModule, storeOf } from '#apps/gatekeeper/src/index';
import { hostOf, LauncherModule } from '#apps/launcher/src/index';
import { CommandClient, LocalClient, LocalLink, LocalServer } from '#libs/bus';
import { type Config, createLog, NestLog } from '#libs/platform';

/** What the edge gives this thread. */
export interface ControlPlaneData {
  config: Config;
  /** Towards the gateway. */
  port: MessagePort;
}

// Gatekeeper, launcher and store in a thread of their own: a commit never stalls a kernel's messages.
const { config, port } = workerData as ControlPlaneData;
const log = createLog(config);
const logger = new NestLog(log);
const toGateway = new LocalLink(port);
const between = new MessageChannel();
const toLauncher = new LocalLink(between.port1);
const toGatekeeper = new LocalLink(between.port2);

const store = await storeOf(config, (deposed) => {
  throw deposed;
});
const launcher = await NestFactory.createMicroservice(
  LauncherModule.with({
    host: await hostOf(config, log),
    gatekeeper: new CommandClient(new LocalClient(toGatekeeper)),
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

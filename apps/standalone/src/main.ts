import 'reflect-metadata';
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { GatewayModule, openEdge, readersOf } from '#apps/gateway/src/index';
import { BuiltInIssuer } from '#libs/auth';
import { CommandClient, LocalClient, LocalLink, LocalServer } from '#libs/bus';
import { KernelspecCatalogue } from '#libs/jupyter';
import { type Config, configHelp, createLog, kernelspecSources, loadConfig, startedAt } from '#libs/platform';
import { lockDataFolder } from '#libs/store';
import { announcement, leaveServiceFile } from './announce.js';
import type { ControlPlaneData } from './control-plane.js';
import { startToken } from './start-token.js';
import { stopOnSignal } from './stop.js';

/** Runs gatekeeper, launcher and store in their thread until the answer resolves. */
async function startControlPlane(config: Config, link: MessageChannel): Promise<Worker> {
  const workerData: ControlPlaneData = { config, port: link.port2 };
  const worker = new Worker(new URL('./control-plane.js', import.meta.url), {
    workerData,
    transferList: [link.port2],
  });
  // Kernels live on without us; a half service would take submissions that nobody decides.
  worker.on('error', (error: unknown) => {
    process.stderr.write(`The control plane failed: ${(error as Error).stack}\n`);
    process.exit(1);
  });
  await once(worker, 'message');
  return worker;
}

async function main(): Promise<void> {
  const { config, help, notices } = loadConfig(process.argv.slice(2));
  if (help) return void process.stdout.write(configHelp('npm start --'));
  if (config.bus.url !== '')
    throw new Error('bus.url: this service is one process and needs no RabbitMQ; leave it empty.');
  const lock = lockDataFolder(config.data);
  const log = createLog(config);
  for (const notice of notices) log.warn(notice);

  const link = new MessageChannel();
  const toGatekeeper = new LocalLink(link.port1);
  const controlPlane = await startControlPlane(config, link);
  const readers = await readersOf(config);
  const gatekeeper = new CommandClient(new LocalClient(toGatekeeper));
  const kernelspecs = new KernelspecCatalogue({
    ...kernelspecSources(config),
    onProblem: (sentence) => log.warn(sentence),
  });
  const { kernels: kernelReader, sessions: sessionReader, tokens: tokenReader, inputLog: inputLogReader } = readers;
  const edge = await openEdge(
    GatewayModule.with({
      config,
      log,
      kernelReader,
      sessionReader,
      tokenReader,
      inputLogReader,
      gatekeeper,
      kernelspecs,
    }),
    config,
    log,
  );
  edge.connectMicroservice({ strategy: new LocalServer([toGatekeeper]) });
  await edge.startAllMicroservices();
  await edge.listen(config.port, config.host);

  const token =
    config.auth.mode === 'none'
      ? ''
      : await startToken(tokenReader, edge.get(BuiltInIssuer, { strict: false }), gatekeeper);
  const { port } = edge.getHttpServer().address() as { port: number };
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const began = startedAt();
  const service = {
    url: `http://${host}:${port}${config.baseUrl.replace(/\/$/, '')}`,
    token,
    tookMs: began === undefined ? undefined : Date.now() - began,
  };
  const serviceFile = leaveServiceFile(config.data, service);
  log.info({ url: service.url, pid: process.pid }, 'ready');
  process.stdout.write(announcement(service));

  stopOnSignal({
    keepKernels: config.keepKernels,
    graceSeconds: config.kernels.shutdownGraceSeconds,
    drainSeconds: config.http.drainSeconds,
    edge,
    gatekeeper,
    kernelReader,
    close: async () => {
      serviceFile.remove();
      await edge.close();
      controlPlane.postMessage('close');
      await once(controlPlane, 'exit');
      await readers.close();
      lock.release();
    },
  });
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

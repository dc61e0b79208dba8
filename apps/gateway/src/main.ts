import 'reflect-metadata';
import { hostname } from 'node:os';
import { CommandClient, rabbitClient, rabbitServer } from '#libs/bus';
import { KernelspecCatalogue } from '#libs/jupyter';
import { busOptions, kernelspecSources, runService } from '#libs/platform';
import { MissedEvents } from './events/missed-events.js';
import { GatewayModule } from './gateway.module.js';
import { Drain } from './http/drain.js';
import { openEdge } from './http/edge.js';
import { readersOf } from './readers-of.js';

runService('gateway', async (config, log) => {
  const readers = await readersOf(config);
  const warn = (sentence: string): void => log.warn(sentence);
  const bus = busOptions(config, `gateway ${hostname()}`, warn);
  const gatekeeper = new CommandClient(await rabbitClient(bus, 'gatekeeper'), { timeoutMs: bus.timeoutMs });
  const { kernels: kernelReader, sessions: sessionReader, tokens: tokenReader, inputLog: inputLogReader } = readers;
  const kernelspecs = new KernelspecCatalogue({ ...kernelspecSources(config), onProblem: warn });
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
  const missed = edge.get(MissedEvents);
  edge.connectMicroservice({
    strategy: await rabbitServer({ ...bus, serves: 'gateways', onGap: () => missed.tell() }),
  });
  await edge.startAllMicroservices();
  await edge.listen(config.port, config.host);
  return {
    url: (await edge.getUrl()).replace(/\/$/, '') + config.baseUrl.replace(/\/$/, ''),
    close: async () => {
      edge.get(Drain, { strict: false }).begin();
      await edge.close();
      await gatekeeper.close();
      await readers.close();
    },
  };
});

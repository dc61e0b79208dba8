import 'reflect-metadata';
import { hostname } from 'node:os';
import { NestFactory } from '@nestjs/core';
import { CommandClient, rabbitClient, rabbitServer } from '#libs/bus';
import { busCheck, busOptions, NestLog, openProbes, Readiness, runService } from '#libs/platform';
import { GatekeeperModule } from './gatekeeper.module.js';
import { storeOf } from './store-of.js';

runService('gatekeeper', async (config, log) => {
  // Before it leads, so that one that stands by passes for what it is: in order.
  const readiness = new Readiness();
  const probes = await openProbes(config, readiness);
  log.info({ url: probes.url }, 'standing by');
  const store = await storeOf(config, (deposed) => {
    // Who starts it again makes it the one that stands by.
    log.error(deposed);
    process.exit(1);
  });
  log.info({ epoch: store.epoch }, 'leading');
  const bus = busOptions(config, `gatekeeper ${hostname()}`, (sentence) => log.warn(sentence));
  const { timeoutMs } = bus;
  const launcher = new CommandClient(await rabbitClient(bus, 'launcher'), { timeoutMs });
  const gateways = new CommandClient(await rabbitClient(bus, 'gateways'), { timeoutMs });
  const strategy = await rabbitServer({ ...bus, serves: 'gatekeeper', priority: store.epoch });
  readiness.add('bus', busCheck(strategy));
  const gatekeeper = await NestFactory.createMicroservice(
    GatekeeperModule.with({ config, store, launcher, gateways }),
    {
      strategy,
      logger: new NestLog(log),
    },
  );
  await gatekeeper.listen();
  return {
    url: probes.url,
    close: async () => {
      await gatekeeper.close();
      await store.close();
      await Promise.all([launcher.close(), gateways.close()]);
      await probes.close();
    },
  };
});

import 'reflect-metadata';
import { hostname } from 'node:os';
import { NestFactory } from '@nestjs/core';
import { CommandClient, rabbitClient, rabbitServer } from '#libs/bus';
import { busCheck, busOptions, NestLog, openProbes, Readiness, runService } from '#libs/platform';
import { FactReporter } from './fact-reporter.js';
import { hostOf } from './host-of.js';
import { LauncherModule } from './launcher.module.js';

runService('launcher', async (config, log) => {
  const readiness = new Readiness();
  const probes = await openProbes(config, readiness);
  const bus = busOptions(config, `launcher ${hostname()}`, (sentence) => log.warn(sentence));
  const { timeoutMs } = bus;
  const gatekeeper = new CommandClient(await rabbitClient(bus, 'gatekeeper'), { timeoutMs });
  const strategy = await rabbitServer({ ...bus, serves: 'launcher' });
  readiness.add('bus', busCheck(strategy));
  const launcher = await NestFactory.createMicroservice(
    LauncherModule.with({ host: await hostOf(config, log), gatekeeper, metrics: probes.metrics }),
    { strategy, logger: new NestLog(log) },
  );
  await launcher.listen();
  launcher.get(FactReporter).up();
  return {
    url: probes.url,
    close: async () => {
      await launcher.close();
      await gatekeeper.close();
      await probes.close();
    },
  };
});

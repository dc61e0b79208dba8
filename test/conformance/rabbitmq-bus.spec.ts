import { Test } from '@nestjs/testing';
import { type RabbitOptions, rabbitClient, rabbitServer } from '#libs/bus';
import { BusConformanceController, busConformance } from '#libs/testing';
import { RabbitServer as Broker } from '../support/rabbit-server.js';

let broker: Broker;
beforeAll(async () => {
  broker = await Broker.start();
}, 120_000);
afterAll(() => broker.remove());

async function serve(options: RabbitOptions): Promise<{ close(): Promise<void> }> {
  const module = await Test.createTestingModule({ controllers: [BusConformanceController] }).compile();
  const strategy = await rabbitServer({ ...options, serves: 'gatekeeper', drainMs: 0 });
  const app = module.createNestMicroservice({ strategy, logger: false });
  await app.listen();
  return app;
}

busConformance('RabbitMQ', async () => {
  const { url } = broker;
  const app = await serve({ url, name: 'server' });
  const proxy = await rabbitClient({ url, name: 'client' }, 'gatekeeper');
  return {
    proxy,
    endServer: () => app.close(),
    close: async () => {
      await proxy.close();
      await app.close();
      await broker.reset();
    },
  };
});

import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { CommandClient, queueOf, type RabbitOptions, rabbitClient, rabbitServer } from '#libs/bus';
import { BusConformanceController, busConformance } from '#libs/testing';
import { RabbitServer as Broker } from '../support/rabbit-server.js';
import { testSeal } from '../support/test-seal.js';

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

describe.each([
  ['RabbitMQ', {}],
  ['RabbitMQ with sealed messages', { seal: testSeal() }],
])('%s', (name, more) => {
  busConformance(name, async () => {
    const { url } = broker;
    const app = await serve({ url, name: 'server', ...more });
    const proxy = await rabbitClient({ url, name: 'client', ...more }, 'gatekeeper');
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
});

it('shows nobody who reads the broker what a sealed message says', async () => {
  const proxy = await rabbitClient({ url: broker.url, name: 'client', seal: testSeal() }, 'gatekeeper');
  await new CommandClient(proxy).emit({ pattern: 'p', schema: z.object({ secret: z.string() }) }, { secret: 'word' });
  const content = await broker.withChannel(async (channel) => {
    const message = await channel.get(queueOf('gatekeeper'), { noAck: true });
    return message === false ? '' : message.content.toString();
  });
  expect(content).toMatch(/^sealed\./);
  expect(content).not.toMatch(/secret|word/);
  await proxy.close();
  await broker.reset();
});

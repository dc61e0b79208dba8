import type { GetMessage } from 'amqplib';
import {
  CommandClient,
  deadLettersOf,
  EXCHANGES,
  queueOf,
  type RabbitOptions,
  type RabbitServerOptions,
  rabbitClient,
  UNROUTED_QUEUE,
} from '#libs/bus';
import { eventually } from '../support/processes.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { DOUBLE, type Handle, NUMBER, RabbitStage } from '../support/rabbit-stage.js';

const QUEUE = queueOf('gatekeeper');
const DEAD = deadLettersOf(QUEUE);

describe('messages over RabbitMQ', () => {
  let broker: RabbitServer;
  let open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    broker = await RabbitServer.start();
  }, 120_000);
  afterEach(async () => {
    for (const one of open.reverse()) await one.close();
    open = [];
    await broker.reset();
  });
  afterAll(() => broker.remove());

  const stage = async (options: Partial<RabbitServerOptions> = {}, handle?: Handle): Promise<RabbitStage> => {
    const made = await RabbitStage.start({ url: broker.url, name: 'stage', serves: 'gatekeeper', ...options }, handle);
    open.push(made);
    return made;
  };
  const client = async (options: Partial<RabbitOptions> = {}, addressee: 'gatekeeper' | 'gateways' = 'gatekeeper') => {
    const made = new CommandClient(await rabbitClient({ url: broker.url, name: 'client', ...options }, addressee), {
      timeoutMs: 5_000,
    });
    open.push(made);
    return made;
  };
  const raw = (content: string, properties: object, exchange: string = EXCHANGES.services, key = 'gatekeeper') =>
    broker.withChannel(async (channel) => {
      channel.publish(exchange, key, Buffer.from(content), properties);
      await channel.waitForConfirms();
    });
  const waiting = (queue: string, count: number): Promise<true> =>
    eventually(`${count} in ${queue}`, async () => ((await broker.count(queue)) === count ? true : undefined));
  const event = (number: number): string => JSON.stringify({ pattern: NUMBER.pattern, data: { number } });

  it('keeps what was told to a service that is not there yet', async () => {
    await (await client()).emit(NUMBER, { number: 1 });
    const service = await stage();
    await service.has(1);
    expect(service.begun).toEqual([1]);
  });

  it('acknowledges when the handler has ended, so that another takes over what a lost service had begun', async () => {
    const told = await client();
    const first = await stage({}, (number) => (number === 2 ? new Promise(() => undefined) : undefined));
    await told.emit(NUMBER, { number: 1 });
    await told.emit(NUMBER, { number: 2 });
    await first.has(2);
    await first.close();
    const second = await stage();
    await second.has(1);
    await told.emit(NUMBER, { number: 3 });
    await second.has(2);
    expect(second.begun).toEqual([2, 3]);
  });

  it('works on a message once, however often it comes under its id', async () => {
    let let1Go = (): void => undefined;
    const service = await stage({}, (number) =>
      number === 1 ? new Promise<void>((resolve) => (let1Go = resolve)) : undefined,
    );
    await raw(event(1), { messageId: 'same' });
    await service.has(1);
    await raw(event(1), { messageId: 'same' });
    let1Go();
    await waiting(QUEUE, 0);
    await raw(event(1), { messageId: 'same' });
    await raw(event(9), { messageId: 'other' });
    await service.has(2);
    expect(service.begun).toEqual([1, 9]);
    expect(service.messageIds).toEqual(['same', 'other']);
  });

  it('delivers an event that fails again, and puts it aside in the end', async () => {
    const service = await stage({}, (number) => {
      if (number === 1) throw new Error('never');
    });
    await (await client()).emit(NUMBER, { number: 1 });
    await waiting(DEAD, 1);
    expect(service.begun).toEqual(Array.from({ length: 6 }, () => 1));
    const dead = await broker.withChannel((channel) => channel.get(DEAD));
    const [death] = (dead as GetMessage).properties.headers?.['x-death'] ?? [];
    expect(death).toMatchObject({ reason: 'delivery_limit', queue: QUEUE });
    await (await client()).emit(NUMBER, { number: 2 });
    await service.has(7);
  });

  it('puts aside at once what nobody can read, or knows', async () => {
    const service = await stage();
    await raw('{"pattern"', {});
    await raw('null', {});
    await raw(JSON.stringify({ pattern: 'of.the-future', data: {} }), {});
    await waiting(DEAD, 3);
    expect(service.begun).toEqual([]);
    await (await client()).emit(NUMBER, { number: 1 });
    await service.has(1);
  });

  it('fails at once, as Unavailable, what no queue takes', async () => {
    const asked = await client({ publishMs: 60_000 });
    await asked.emit(NUMBER, { number: 1 });
    await broker.withChannel((channel) => channel.deleteQueue(QUEUE));
    await expect(asked.emit(NUMBER, { number: 2 })).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    await expect(asked.send(DOUBLE, { number: 2 })).rejects.toThrow(/Nobody takes messages for gatekeeper/);
    open.push(await RabbitStage.start({ url: broker.url, name: 'again', serves: 'gatekeeper' }));
    expect(await asked.send(DOUBLE, { number: 2 })).toEqual({ number: 4 });
  });

  it('fails, as Unavailable, what a full queue refuses', async () => {
    const told = await client();
    await told.emit(NUMBER, { number: 0 });
    let accepted = 1;
    await broker.withLimit(5, async () => {
      // The limit reaches the queue a moment after it is set.
      const refused = await eventually('a refusal', () =>
        told.emit(NUMBER, { number: accepted }).then(
          () => {
            accepted += 1;
          },
          (error: unknown) => error,
        ),
      );
      expect(refused).toMatchObject({ code: 'unavailable', detail: expect.stringMatching(/as many wait as may wait/) });
    });
    // What was not refused is all there.
    const service = await stage();
    await service.has(accepted);
    await waiting(QUEUE, 0);
    expect(service.begun).toEqual(Array.from({ length: accepted }, (_, number) => number));
  });

  it('gives messages to the leader of the latest epoch, though an earlier one still listens', async () => {
    const [earlier, later] = [await stage({ priority: 1 }), await stage({ priority: 2 })];
    const told = await client();
    for (let number = 0; number < 20; number += 1) await told.emit(NUMBER, { number });
    await later.has(20);
    expect(earlier.begun).toEqual([]);
    await later.close();
    await told.emit(NUMBER, { number: 20 });
    await earlier.has(1);
  });

  it('gives a service no more at once than it asked for', async () => {
    const told = await client();
    for (let number = 0; number < 10; number += 1) await told.emit(NUMBER, { number });
    const ends: (() => void)[] = [];
    const service = await stage({ prefetch: 3 }, () => new Promise<void>((resolve) => ends.push(resolve)));
    await service.has(3);
    await waiting(QUEUE, 7);
    expect(service.begun).toEqual([0, 1, 2]);
    ends[0]?.();
    await service.has(4);
    expect(service.begun).toEqual([0, 1, 2, 3]);
  });

  it('does not carry out a command whose caller has given up', async () => {
    const asked = await client({ timeoutMs: 200 });
    await expect(
      new CommandClient(await rabbitClient({ url: broker.url, name: 'c', timeoutMs: 200 }, 'gatekeeper'), {
        timeoutMs: 200,
      }).send(DOUBLE, { number: 1 }),
    ).rejects.toMatchObject({ code: 'unavailable' });
    await waiting(DEAD, 1);
    const service = await stage();
    await asked.emit(NUMBER, { number: 2 });
    await service.has(1);
    expect(service.begun).toEqual([2]);
  });

  it('tells every gateway that is there, and nobody where none is', async () => {
    const told = await client({}, 'gateways');
    await told.emit(NUMBER, { number: 0 });
    const gateways = [await stage({ serves: 'gateways' }), await stage({ serves: 'gateways' })];
    await told.emit(NUMBER, { number: 1 });
    for (const gateway of gateways) await gateway.has(1);
    await gateways[0]?.close();
    await told.emit(NUMBER, { number: 2 });
    await gateways[1]?.has(2);
    expect(gateways.map(({ begun }) => begun)).toEqual([[1], [1, 2]]);
  });

  it('keeps what another program submits where no queue is', async () => {
    await stage();
    await raw('{}', { messageId: 'm' }, EXCHANGES.jobs, 'submit.no-such-queue');
    await waiting(UNROUTED_QUEUE, 1);
  });

  it('says which argument differs where a queue is there in another form, and goes on when it is gone', async () => {
    await broker.withChannel((channel) =>
      channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 } }),
    );
    const warnings: string[] = [];
    const told = await client({ reconnectMs: 100, publishMs: 30_000, warn: (sentence) => warnings.push(sentence) });
    const telling = told.emit(NUMBER, { number: 1 });
    await eventually('a warning', () => warnings.find((text) => /x-delivery-limit|x-dead-letter|x-max/.test(text)));
    await broker.withChannel((channel) => channel.deleteQueue(QUEUE));
    await telling;
    expect(await broker.count(QUEUE)).toBe(1);
  });
});

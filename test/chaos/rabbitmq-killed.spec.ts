import { CommandClient, queueOf, type RabbitOptions, rabbitClient } from '#libs/bus';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/processes.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { DOUBLE, type Handle, NUMBER, RabbitStage } from '../support/rabbit-stage.js';
import { say } from '../support/say.js';

describe('RabbitMQ killed and cut off', () => {
  let broker: RabbitServer;
  let open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    broker = await RabbitServer.start();
    await broker.settle();
  }, 120_000);
  afterEach(async () => {
    for (const one of open.reverse()) await one.close();
    open = [];
    await broker.purge();
  });
  afterAll(() => broker.remove());

  const stage = async (handle?: Handle, url = broker.url): Promise<RabbitStage> => {
    const made = await RabbitStage.start({ url, name: 'stage', serves: 'gatekeeper', reconnectMs: 500 }, handle);
    open.push(made);
    return made;
  };
  const client = async (options: Partial<RabbitOptions> = {}): Promise<CommandClient> => {
    const proxy = await rabbitClient({ url: broker.url, name: 'client', reconnectMs: 500, ...options }, 'gatekeeper');
    const made = new CommandClient(proxy, { timeoutMs: 60_000 });
    open.push(made);
    return made;
  };
  const through = async (): Promise<{ proxy: CuttingProxy; url: string }> => {
    const proxy = await CuttingProxy.start(broker.port);
    open.push(proxy);
    return { proxy, url: broker.url.replace(`:${broker.port}`, `:${proxy.port}`) };
  };
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

  it('has the effect of everything that was confirmed, once, through kill -9 in mid-flood', async () => {
    const service = await stage();
    const told = await client({ publishMs: 60_000 });
    let next = 0;
    let flooding = true;
    const refused: unknown[] = [];
    const tell = async (): Promise<void> => {
      while (flooding) {
        const number = next;
        next += 1;
        await told.emit(NUMBER, { number }).catch((error: unknown) => refused.push(error));
      }
    };
    const flood = Promise.all(upTo(50).map(tell));
    for (const kill of [1, 2]) {
      await service.has(kill * 500, 60);
      await broker.crash();
      await broker.startAgain();
    }
    await service.has(1_500, 60);
    flooding = false;
    await flood;
    await service.has(next, 60);
    say(`${next} told, ${refused.length} refused, over two kills`);
    expect(refused).toEqual([]);
    expect(service.begun.toSorted((one, other) => one - other)).toEqual(upTo(next));
    expect(await broker.count(queueOf('gatekeeper'))).toBe(0);
  }, 180_000);

  it('has one effect of a message whose confirmation was lost', async () => {
    const service = await stage();
    const { proxy, url } = await through();
    const told = await client({ url });
    await told.emit(NUMBER, { number: 1 });
    const cut = proxy.cut('"number":2', 'after');
    const telling = told.emit(NUMBER, { number: 2 });
    await cut;
    await telling;
    await told.emit(NUMBER, { number: 3 });
    await service.has(3);
    expect(service.begun).toEqual([1, 2, 3]);
  });

  it('has one effect of a message whose acknowledgement was lost', async () => {
    const { proxy, url } = await through();
    let end = (): void => undefined;
    const service = await stage(
      (number) => (number === 1 ? new Promise<void>((done) => (end = done)) : undefined),
      url,
    );
    const told = await client();
    await told.emit(NUMBER, { number: 1 });
    await service.has(1);
    // The next that the service says on this connection: the acknowledgement of the second message.
    const cut = proxy.cut('', 'before');
    await told.emit(NUMBER, { number: 2 });
    await cut;
    await told.emit(NUMBER, { number: 3 });
    await service.has(3);
    end();
    await eventually('all acknowledged', async () =>
      (await broker.count(queueOf('gatekeeper'))) === 0 ? true : undefined,
    );
    expect(service.begun).toEqual([1, 2, 3]);
  });

  it('fails a command at once when its connection is lost, whether or not the service goes on', async () => {
    let end = (): void => undefined;
    const service = await stage(() => new Promise<void>((done) => (end = done)));
    const { proxy, url } = await through();
    const asked = await client({ url });
    const asking = asked.send(DOUBLE, { number: 1 });
    await service.has(1);
    const cut = proxy.cut('"number":2', 'before');
    const other = asked.send(DOUBLE, { number: 2 });
    await cut;
    await expect(asking).rejects.toMatchObject({ code: 'unavailable', detail: 'The connection to RabbitMQ was lost.' });
    await expect(other).rejects.toMatchObject({ code: 'unavailable' });
    end();
    const next = asked.send(DOUBLE, { number: 3 });
    await service.has(2);
    end();
    expect(await next).toEqual({ number: 6 });
    expect(service.begun).toEqual([1, 3]);
  });

  it('tells a gateway that it may have missed events, and tells it the next ones', async () => {
    const { proxy, url } = await through();
    let missed = (): void => undefined;
    const gap = new Promise<void>((resolve) => (missed = resolve));
    const gateway = await RabbitStage.start({
      url,
      name: 'gateway',
      serves: 'gateways',
      reconnectMs: 500,
      onGap: () => missed(),
    });
    open.push(gateway);
    const told = new CommandClient(await rabbitClient({ url: broker.url, name: 'gatekeeper' }, 'gateways'));
    open.push(told);
    // What the gateway says first is that it has this one.
    const cut = proxy.cut('', 'before');
    await told.emit(NUMBER, { number: 1 });
    await cut;
    await gap;
    await told.emit(NUMBER, { number: 2 });
    await gateway.has(2);
    expect(gateway.begun).toEqual([1, 2]);
  });

  it('waits for RabbitMQ bounded in number and time, and goes on when it is back', async () => {
    const service = await stage();
    const told = await client({ maxPublishing: 10, publishMs: 1_000 });
    await told.emit(NUMBER, { number: 0 });
    await broker.crash();
    const since = Date.now();
    const waiting = upTo(10).map((number) => told.emit(NUMBER, { number: number + 100 }));
    const first = await Promise.race([told.emit(NUMBER, { number: 999 }), ...waiting]).catch((error: unknown) => error);
    expect(first).toMatchObject({ code: 'unavailable', detail: 'Too many messages wait for RabbitMQ.' });
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', status: 503 } });
    }
    expect(Date.now() - since).toBeGreaterThanOrEqual(990);
    await broker.startAgain();
    await eventually('publishing again', () =>
      told.emit(NUMBER, { number: 1 }).then(
        () => true as const,
        () => undefined,
      ),
    );
    await eventually('1 arrives', () => (service.begun.includes(1) ? true : undefined));
    expect(service.begun.filter((number) => number >= 100)).toEqual([]);
  }, 60_000);
});

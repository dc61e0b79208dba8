import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { BusCommands, BusConformanceController, busConformance, typescriptExecArgv } from '#libs/testing';
import { CommandClient } from '../command-client.js';
import { LocalClient } from './local-client.js';
import { LocalLink } from './local-link.js';
import { LocalServer } from './local-server.js';

async function serve(links: LocalLink[]): Promise<{ server: LocalServer; close(): Promise<void> }> {
  const module = await Test.createTestingModule({ controllers: [BusConformanceController] }).compile();
  const server = new LocalServer(links);
  const app = module.createNestMicroservice({ strategy: server, logger: false });
  await app.listen();
  return { server, close: () => app.close() };
}

function channel(): [LocalLink, LocalLink] {
  const { port1, port2 } = new MessageChannel();
  return [new LocalLink(port1), new LocalLink(port2)];
}

busConformance('message ports in one thread', async () => {
  const [near, far] = channel();
  const { close } = await serve([far]);
  const proxy = new LocalClient(near);
  return {
    proxy,
    endServer: async () => far.close(),
    close: async () => {
      proxy.close();
      await close();
    },
  };
});

describe('in a worker thread', () => {
  let worker: Worker | undefined;
  afterAll(() => worker?.terminate());

  busConformance('message ports across threads', async () => {
    worker ??= new Worker(new URL('../../../testing/src/bus.conformance.worker.ts', import.meta.url), {
      execArgv: typescriptExecArgv(),
    });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port2, [port2]);
    await once(worker, 'message');
    const proxy = new LocalClient(new LocalLink(port1));
    return {
      proxy,
      endServer: async () => {
        await worker?.terminate();
        worker = undefined;
      },
      close: async () => proxy.close(),
    };
  });
});

describe('local links', () => {
  it('keeps calls that come before a server listens', async () => {
    const [near, far] = channel();
    const reply = new CommandClient(new LocalClient(near)).send(BusCommands.echo, { value: 'early' });
    const { close } = await serve([far]);
    expect(await reply).toEqual({ value: 'early' });
    near.close();
    await close();
  });

  it('serves links that come later, and each apart', async () => {
    const [near, far] = channel();
    const [near2, far2] = channel();
    const { server, close } = await serve([far]);
    server.serve(far2);
    const [first, second] = [near, near2].map((link) => new CommandClient(new LocalClient(link)));
    await first?.close();
    expect(await second?.send(BusCommands.echo, { value: 2 })).toEqual({ value: 2 });
    near2.close();
    await close();
  });

  it('carries calls both ways over one channel', async () => {
    const [left, right] = channel();
    const servers = await Promise.all([serve([left]), serve([right])]);
    const clients = [left, right].map((link) => new CommandClient(new LocalClient(link)));
    const replies = await Promise.all(clients.map((client, value) => client.send(BusCommands.echo, { value })));
    expect(replies).toEqual([{ value: 0 }, { value: 1 }]);
    left.close();
    await Promise.all(servers.map(({ close }) => close()));
  });

  it('fails at once, and as Unavailable, on a closed link', async () => {
    const [near, far] = channel();
    far.close();
    const client = new CommandClient(new LocalClient(near));
    await expect(client.send(BusCommands.echo, { value: 1 })).rejects.toMatchObject({ code: 'unavailable' });
  });
});

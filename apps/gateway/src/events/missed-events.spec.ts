import { Logger } from '@nestjs/common';
import type { Authenticator } from '#libs/auth';
import { type Kernel, Unavailable } from '#libs/contracts';
import { aKernel } from '#libs/testing';
import { KernelEventsHub } from './kernel-events.hub.js';
import { MissedEvents } from './missed-events.js';

it('tells what the rows say, to those who listen, once the store can be read', async () => {
  const hub = new KernelEventsHub();
  const row = aKernel({ phase: 'ready' });
  const tokens = [
    { id: 'good', revokedAt: null },
    { id: 'revoked', revokedAt: 5 },
  ];
  const failures = [new Unavailable('The store is away.', { retryAfterSeconds: 1 })];
  const kernels = { find: async (id: string) => (id === row.id ? row : undefined) };
  const list = async () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return tokens;
  };
  const refused: string[] = [];
  const authenticator = { tokenRevoked: (id: string) => refused.push(id) } as unknown as Authenticator;
  const missed = new MissedEvents(hub, authenticator, kernels as never, { list } as never);
  Logger.overrideLogger(false);
  const closed: string[] = [];
  hub.onTokenRevoked((id) => closed.push(id));
  const told = new Promise<Kernel>((resolve) => hub.on(row.id, { changed: resolve }));
  missed.tell();
  expect(await told).toEqual(row);
  expect([refused, closed]).toEqual([['revoked'], ['revoked']]);
  expect(failures).toEqual([]);
  missed.onModuleDestroy();
});

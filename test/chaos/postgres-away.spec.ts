import { DatabaseAway, openPostgresReaders, openPostgresStore, type Store } from '#libs/store';
import { aBatch, aKernel, aLaunchMessage } from '#libs/testing';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { PostgresServer } from '../support/postgres-server.js';
import { eventually } from '../support/processes.js';
import { realClock as clock } from '../support/real-clock.js';

describe('commits while PostgreSQL goes away', () => {
  let server: PostgresServer;
  let url: string;
  let proxy: CuttingProxy;
  let store: Store;

  beforeAll(async () => {
    server = await PostgresServer.start({ durable: true });
  }, 60_000);
  beforeEach(async () => {
    url = await server.createDatabase();
    const { port } = new URL(url);
    proxy = await CuttingProxy.start(Number(port));
    store = await openPostgresStore({ url: url.replace(port, `${proxy.port}`), holder: 'us', clock });
  });
  afterEach(async () => {
    await store.close();
    await proxy.close();
  });
  afterAll(() => server.remove());

  it('finds out that a commit whose answer was lost is written, and tells its outbox entries', async () => {
    const kernel = aKernel();
    const cut = proxy.cut('commit\0', 'after', { refusing: true });
    const committing = store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(1)] }));
    const next = store.commit(aBatch({ outbox: [aLaunchMessage(2)] }));
    await cut;
    proxy.allow();
    const [entry] = await committing;
    const [later] = await next;
    expect(entry?.payload).toEqual({ n: 1 });
    expect(await store.undelivered()).toEqual([entry, later]);
    expect(await store.kernels.find(kernel.id)).toEqual(kernel);
  });

  it('finds out that a commit that never arrived is not written', async () => {
    const kernel = aKernel();
    void proxy.cut('commit\0', 'before');
    await expect(store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(1)] }))).rejects.toThrow(
      DatabaseAway,
    );
    expect(await store.kernels.find(kernel.id)).toBeUndefined();
    expect(await store.undelivered()).toEqual([]);
    await store.commit(aBatch({ kernels: [kernel] }));
    expect(await store.kernels.find(kernel.id)).toEqual(kernel);
  });

  it('refuses a batch that was cut before its end, with nothing of it written', async () => {
    const kernel = aKernel();
    void proxy.cut('insert into "outbox"', 'before');
    await expect(store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(1)] }))).rejects.toThrow(
      DatabaseAway,
    );
    expect(await store.kernels.find(kernel.id)).toBeUndefined();
  });

  it('does not wait for ever for a server that says nothing any more', async () => {
    const { port } = new URL(url);
    const impatient = await openPostgresStore({
      url: url.replace(port, `${proxy.port}`),
      holder: 'us',
      timeoutMs: 200,
      clock,
    });
    const kernel = aKernel();
    void proxy.cut('insert into "kernels"', 'silence');
    await expect(impatient.commit(aBatch({ kernels: [kernel] }))).rejects.toThrow(DatabaseAway);
    expect(await impatient.kernels.find(kernel.id)).toBeUndefined();
    // The server ends the transaction that was left open, and its locks with it.
    await eventually('a commit', () =>
      impatient.commit(aBatch({ kernels: [kernel] })).then(
        () => true as const,
        (error: unknown) => expect(error).toBeInstanceOf(DatabaseAway) as undefined,
      ),
    );
    expect(await impatient.kernels.find(kernel.id)).toEqual(kernel);
    await impatient.close();
  });

  it('keeps what it acknowledged, and only that or what it could not answer, through crashes in mid-flood', async () => {
    const readers = await openPostgresReaders({ url });
    const acknowledged: string[] = [];
    const unsure: string[] = [];
    let crashing = true;
    const submit = async (): Promise<void> => {
      while (crashing) {
        const kernel = aKernel();
        await store.commit(aBatch({ kernels: [kernel], outbox: [aLaunchMessage(0)] })).then(
          () => acknowledged.push(kernel.id),
          (error: unknown) => {
            if (!(error instanceof DatabaseAway)) throw error;
            unsure.push(kernel.id);
          },
        );
      }
    };
    const flood = Promise.all(Array.from({ length: 20 }, submit));
    for (let crash = 1; crash <= 3; crash += 1) {
      const until = acknowledged.length + 200;
      await eventually('200 more commits', () => (acknowledged.length >= until ? true : undefined));
      await server.crash();
      await expect(readers.kernels.listAll(0)).rejects.toThrow(DatabaseAway);
      await server.startAgain();
    }
    crashing = false;
    await flood;
    const rows = new Set((await readers.kernels.listAll(0)).map(({ id }) => id as string));
    expect(acknowledged.length).toBeGreaterThanOrEqual(600);
    expect(acknowledged.filter((id) => !rows.has(id))).toEqual([]);
    // What was refused was not written: the store said so only when it knew.
    expect(unsure.filter((id) => rows.has(id))).toEqual([]);
    expect(await store.undelivered()).toHaveLength(acknowledged.length);
    await readers.close();
  }, 120_000);
});

import { DatabaseAway, Deposed, openPostgresStore, type PostgresStoreOptions, type Store } from '#libs/store';
import { aBatch, aKernel, aLaunchMessage } from '#libs/testing';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { PostgresServer } from '../support/postgres-server.js';
import { eventually } from '../support/processes.js';
import { realClock as clock } from '../support/real-clock.js';

const LEASE_MS = 400;

describe('the lead among gatekeepers on one database', () => {
  let server: PostgresServer;
  let url: string;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  beforeEach(async () => {
    url = await server.createDatabase();
  });
  afterAll(() => server.remove());

  const open = (holder: string, options: Partial<PostgresStoreOptions> = {}): Promise<Store> =>
    openPostgresStore({ url, holder, leaseMs: LEASE_MS, clock, ...options });
  const leaderRow = async (): Promise<Record<string, unknown> | undefined> =>
    (await server.query('select epoch, holder, commits::int, expires_at from leader', url))[0];

  it('stays with a leader that lives, however idle, and goes on at once when it leaves in order', async () => {
    const first = await open('first');
    const until = Number((await leaderRow())?.['expires_at']);
    const waiting = open('second').then((store) => ({ store, at: Date.now() }));
    // Two leases' worth of renewals without a commit; the standby would lead long before.
    const renewed = await eventually('renewals', async () => {
      const row = await leaderRow();
      return Number(row?.['expires_at']) >= until + 2 * LEASE_MS ? row : undefined;
    });
    expect(renewed).toMatchObject({ epoch: 1, holder: 'first' });
    const leftAt = Date.now();
    await first.close();
    const second = await waiting;
    expect(second.store.epoch).toBe(2);
    expect(second.at).toBeGreaterThanOrEqual(leftAt);
    expect(await leaderRow()).toMatchObject({ epoch: 2, holder: 'second' });
    await second.store.close();
  });

  it('goes to a standby when the leader is not heard of, and the leader that was writes nothing any more', async () => {
    const { port } = new URL(url);
    const proxy = await CuttingProxy.start(Number(port));
    const deposed: Error[] = [];
    const through = url.replace(port, `${proxy.port}`);
    let tell = (): void => undefined;
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const onDeposed = (error: Deposed): void => {
      deposed.push(error);
      tell();
    };
    const first = await open('first', { url: through, onDeposed });
    const kernel = aKernel();
    await first.commit(aBatch({ kernels: [kernel] }));

    // The network parts: the next renewal and all after it are lost.
    void proxy.cut('update', 'before', { refusing: true });
    const second = await open('second');
    expect(second.epoch).toBe(2);
    const later = aKernel();
    await second.commit(aBatch({ kernels: [later], outbox: [aLaunchMessage(1)] }));

    proxy.allow();
    const stolen = { ...kernel, revision: 9, phase: 'admitted' as const };
    await expect(first.commit(aBatch({ kernels: [stolen], outbox: [aLaunchMessage(2)] }))).rejects.toThrow(Deposed);
    await expect(first.prune(Number.MAX_SAFE_INTEGER, 10)).rejects.toThrow(Deposed);
    await told;
    expect(deposed).toHaveLength(1);
    expect(await second.kernels.find(kernel.id)).toEqual(kernel);
    expect((await second.undelivered()).map(({ payload }) => payload['n'])).toEqual([1]);
    await first.close();
    // Leaving, the deposed one must not end the lease of its successor.
    expect(await second.commit(aBatch({ outbox: [aLaunchMessage(3)] }))).toHaveLength(1);
    await second.close();
    await proxy.close();
  });

  it('goes to a standby though a parted network left a commit of the leader half done', async () => {
    const { port } = new URL(url);
    const proxy = await CuttingProxy.start(Number(port));
    const first = await open('first', { url: url.replace(port, `${proxy.port}`), timeoutMs: 1_000 });
    const kernel = aKernel();
    const cut = proxy.cut('insert into "kernels"', 'silence', { refusing: true });
    const committing = first.commit(aBatch({ kernels: [kernel] }));
    await cut;
    const since = Date.now();
    const second = await open('second');
    expect(Date.now() - since).toBeLessThan(10 * LEASE_MS);
    expect(await second.kernels.find(kernel.id)).toBeUndefined();
    await expect(committing).rejects.toThrow(DatabaseAway);
    await second.commit(aBatch({ kernels: [kernel] }));
    await Promise.all([first.close(), second.close()]);
    await proxy.close();
  });

  it('is waited for before a commit holds anything that the next leader writes, though all of it has been sent', async () => {
    const { port } = new URL(url);
    const proxy = await CuttingProxy.start(Number(port));
    const store = await open('first', { url: url.replace(port, `${proxy.port}`), leaseMs: 3_600_000 });
    const { default: pg } = await import('pg');
    const next = new pg.Client({ connectionString: url });
    await next.connect();
    await next.query('begin');
    await next.query('select from leader for update');
    const passed = proxy.cut('insert into "kernels"', 'nothing');
    const committing = store.commit(aBatch({ kernels: [aKernel()], outbox: [aLaunchMessage(1)] }));
    await passed;
    const locked = `select relname from pg_locks join pg_stat_activity using (pid) join pg_class on pg_class.oid = relation
      where wait_event_type = 'Lock' and datname = current_database() and relkind = 'r' and mode = 'RowExclusiveLock'`;
    const held = await eventually('the commit waits', async () => {
      const rows = await server.query(locked, url);
      return rows.length > 0 ? rows.map(({ relname }) => relname) : undefined;
    });
    expect(held).toEqual(['leader']);
    await next.end();
    expect(await committing).toHaveLength(1);
    await store.close();
    await proxy.close();
  });

  it('lets two writers who both believe to lead write one history', async () => {
    const first = await open('first');
    const stores = [first];
    const written: number[] = [];
    const write = async (store: Store, n: number): Promise<void> => {
      await store.commit(aBatch({ outbox: [aLaunchMessage(n)] }));
      written.push(n);
    };
    const writes: Promise<void>[] = [];
    for (let n = 0; n < 200; n += 1) {
      // Another takes the lead every forty commits, while those of the one before are under way.
      if (n > 0 && n % 40 === 0) stores.push(await open(`writer ${n}`, { force: true }));
      writes.push(...stores.map((store, index) => write(store, n * 10 + index)));
    }
    const results = await Promise.allSettled(writes);
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter((error) => !(error instanceof Deposed))).toEqual([]);
    const last = stores.at(-1) as Store;
    const told = (await last.undelivered()).map(({ payload }) => Number(payload['n']));
    expect(told.toSorted()).toEqual(written.toSorted());
    expect(await leaderRow()).toMatchObject({ epoch: stores.length, commits: written.length });
    // Whoever was deposed once never wrote again: in the order of the outbox, writers only grow.
    const writers = told.map((n) => n % 10);
    expect(writers).toEqual(writers.toSorted());
    await Promise.all(stores.map((store) => store.close()));
  });

  it('does not make a service that was killed wait for its own lease', async () => {
    const before = await open('same', { leaseMs: 3_600_000 });
    const again = await open('same', { leaseMs: 3_600_000 });
    expect(again.epoch).toBe(2);
    await expect(before.commit(aBatch())).rejects.toThrow(Deposed);
    await before.close();
    await again.close();
  });

  it('gives up waiting when it is told to', async () => {
    const first = await open('first');
    const stop = new AbortController();
    const waiting = open('second', { signal: stop.signal });
    stop.abort(new Error('shutting down'));
    await expect(waiting).rejects.toThrow('shutting down');
    await first.close();
  });
});

import { Unavailable } from '#libs/contracts';
import { openPostgresReaders, openPostgresStore } from '#libs/store';
import { aBatch, aKernel, storeConformance } from '#libs/testing';
import { openPool } from '../../libs/store/src/postgres/postgres-pool.js';
import { PostgresServer } from '../support/postgres-server.js';
import { realClock as clock } from '../support/real-clock.js';
import { testSeal } from '../support/test-seal.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
}, 60_000);
afterAll(() => server.remove());

const sealing = { seal: testSeal() };

describe.each([
  ['PostgreSQL', {}],
  ['PostgreSQL with sealed secrets', sealing],
])('%s', (name, more) => {
  storeConformance(name, async () => {
    const url = await server.createDatabase();
    return {
      openStore: (options) => openPostgresStore({ url, holder: 'suite', force: true, clock, ...more, ...options }),
      openReaders: () => openPostgresReaders({ url, ...more }),
      remove: async () => undefined,
    };
  });
});

describe('the PostgreSQL store', () => {
  it('keeps what a kernel is started with and reached by from who reads the database', async () => {
    const url = await server.createDatabase();
    const store = await openPostgresStore({ url, holder: 'one', clock, ...sealing });
    const secret = { socket: '/s', clientToken: 'of-clients', controlToken: 'of-control' };
    const kernel = aKernel({ endpoint: secret, launch: { ...aKernel().launch, env: { PASSWORD: 'of-the-user' } } });
    const outbox = [{ destination: 'gateways' as const, pattern: 'p', payload: { kernel } }];
    await store.commit(aBatch({ kernels: [kernel], outbox }));
    const tables = ['kernels', 'outbox'].map((table) => server.query(`select * from ${table}`, url));
    expect(JSON.stringify(await Promise.all(tables))).not.toMatch(/of-clients|of-control|of-the-user/);
    expect(await store.kernels.find(kernel.id)).toEqual(kernel);
    expect(await store.undelivered()).toMatchObject([{ payload: { kernel } }]);
    await store.close();
    const blind = await openPostgresReaders({ url });
    await expect(blind.kernels.find(kernel.id)).rejects.toThrow('`sealingKeyFile` is not set');
    await blind.close();
  });

  it('refuses writes on the connections of a gateway', async () => {
    const url = await server.createDatabase();
    const store = await openPostgresStore({ url, holder: 'one', clock });
    const readers = await openPostgresReaders({ url });
    const writing = (readers.kernels as unknown as { save(kernels: unknown[]): Promise<void> }).save([aKernel()]);
    await expect(writing).rejects.toThrow(/read-only transaction/);
    await readers.close();
    await store.close();
  });

  it('prepares statements with parameters once for each connection', async () => {
    const pool = await openPool({ url: server.url(), connections: 1, timeoutMs: 5_000 });
    for (const value of [1, 2, 3]) {
      const client = await pool.connect();
      expect((await client.query('select $1::bigint as value', [value])).rows).toEqual([{ value }]);
      client.release();
    }
    const client = await pool.connect();
    const { rows } = await client.query('select statement from pg_prepared_statements', []);
    expect(rows).toEqual([{ statement: 'select $1::bigint as value' }]);
    client.release();
    await pool.end();
  });

  it('says Unavailable when it can’t be reached', async () => {
    const readers = await openPostgresReaders({ url: 'postgresql://beamgate@127.0.0.1:1/none' });
    await expect(readers.kernels.listAll(0)).rejects.toBeInstanceOf(Unavailable);
    await readers.close();
  });

  it('says which address can’t be reached, to who opens it', async () => {
    const opening = openPostgresStore({ url: 'postgresql://beamgate@127.0.0.1:1/none', holder: 'one', clock });
    await expect(opening).rejects.toThrow(/PostgreSQL can’t be reached: .*127\.0\.0\.1:1/);
  });

  it('says what the server says where the URL is wrong', async () => {
    const url = server.url('missing');
    await expect(openPostgresStore({ url, holder: 'one', clock })).rejects.toThrow(/database "missing" does not exist/);
  });
});

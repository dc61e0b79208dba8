import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Beamgate } from '../support/beamgate.js';
import { leftovers, nothingLeft } from '../support/leftovers.js';
import { NumberedClient } from '../support/numbered-client.js';
import { agentRecord, ended, eventually } from '../support/processes.js';
import { createKernel, endKernel, getKernel, inPhase } from '../support/v1.js';

describe('a service that starts after kill -9', () => {
  let beamgate: Beamgate;
  beforeEach(async () => {
    beamgate = await Beamgate.start({ logName: 'chaos-adoption' });
  }, 60_000);
  afterEach(() => beamgate.stop(), 30_000);

  /** Changes the store of a service that does not run. */
  const changeStore = (...statements: string[]) => {
    const database = new DatabaseSync(join(beamgate.data, 'beamgate.sqlite'));
    for (const statement of statements) database.exec(statement);
    database.close();
  };

  it('adopts each kernel with its variables, and nothing is left when all have ended', async () => {
    const kernels = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { id } = await createKernel(beamgate);
        await inPhase(beamgate, id, 'ready');
        const client = new NumberedClient(beamgate, id);
        await client.connect();
        const secret = randomUUID();
        await client.done(client.execute(`secret = '${secret}'`));
        return { id, client, secret, record: agentRecord(beamgate.data, id) };
      }),
    );
    await beamgate.kill();
    await beamgate.startAgain();
    for (const { id, client, secret, record } of kernels) {
      await client.closed;
      await client.connect();
      const request = client.execute('print(secret)');
      await client.done(request);
      expect(client.printed(request)).toBe(`${secret}\n`);
      expect(agentRecord(beamgate.data, id)).toMatchObject({ pid: record.pid, kernelPid: record.kernelPid });
      await inPhase(beamgate, id, 'ready');
    }
    const gone = kernels.map(({ record }) => ended(record.pid));
    for (const { id, client } of kernels) {
      await client.close();
      await endKernel(beamgate, id);
    }
    await Promise.all(gone);
    const ids = kernels.map(({ id }) => id);
    await nothingLeft(beamgate.data, ids);
  }, 120_000);

  it('ends agents whose kernels it does not know, or that ended meanwhile, and keeps the others', async () => {
    const [kept, unknown, over] = await Promise.all(
      ['kept', 'unknown', 'over'].map(async () => {
        const { id } = await createKernel(beamgate);
        await inPhase(beamgate, id, 'ready');
        return { id, record: agentRecord(beamgate.data, id) };
      }),
    );
    if (!kept || !unknown || !over) throw new Error('three kernels were started');
    await beamgate.kill();
    changeStore(
      `delete from kernels where id = '${unknown.id}'`,
      `update kernels set phase = 'ended', end_reason = 'shut-down', execution_state = 'dead', endpoint = null,
       ended_at = ${Date.now()} where id = '${over.id}'`,
    );
    const reaped = [unknown, over].flatMap(({ record }) => [ended(record.pid), ended(record.kernelPid)]);
    await beamgate.startAgain();
    await Promise.all(reaped);
    await eventually('their traces are gone', () => {
      const { records, sockets } = leftovers(beamgate.data, []);
      return (records.length === 1 && sockets.length === 1) || undefined;
    });
    expect(agentRecord(beamgate.data, kept.id).pid).toBe(kept.record.pid);
    expect(leftovers(beamgate.data, [unknown.id, over.id]).cgroups).toEqual([]);
    expect((await getKernel(beamgate, kept.id)).phase).toBe('ready');
  }, 60_000);

  it('says of a kernel that died while no service ran why it is gone', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const { pid, kernelPid } = agentRecord(beamgate.data, id);
    await beamgate.kill();
    const gone = [ended(pid), ended(kernelPid)];
    process.kill(pid, 'SIGKILL');
    process.kill(kernelPid, 'SIGKILL');
    await Promise.all(gone);
    await beamgate.startAgain();
    expect(await inPhase(beamgate, id, 'ended')).toMatchObject({ endReason: 'node-lost' });
    await nothingLeft(beamgate.data, [id]);
  }, 60_000);
});

import { Beamgate } from '../support/beamgate.js';
import { call } from '../support/gateway.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NumberedClient } from '../support/numbered-client.js';
import { PostgresServer } from '../support/postgres-server.js';
import { createKernel, endKernel, getKernel, inPhase, listKernels } from '../support/v1.js';

describe('the service on PostgreSQL while that is down', () => {
  let server: PostgresServer;
  let beamgate: Beamgate;

  beforeAll(async () => {
    server = await PostgresServer.start({ durable: true });
    const url = await server.createDatabase();
    beamgate = await Beamgate.start({ config: { store: { url } }, logName: 'chaos-postgres-down' });
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    await server.remove();
  }, 60_000);

  it('refuses submissions with 503 and goes on with open cells', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const client = new NumberedClient(beamgate, id);
    await client.connect();
    const request = client.execute(printingCell(200));
    await client.until(() => linesOf(client.printed(request)).length > 5);
    await server.crash();

    const refusals = await Promise.all(
      [1, 2, 3].map(() => call(beamgate, '/v1/kernels', { method: 'POST', body: '{}' })),
    );
    for (const refusal of refusals) {
      expect(refusal.status).toBe(503);
      expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await refusal.json()).toMatchObject({ code: 'unavailable' });
    }
    expect((await call(beamgate, `/v1/kernels/${id}`)).status).toBe(503);
    const reply = await client.done(request);
    expect(reply.content['status']).toBe('ok');
    expect(linesOf(client.printed(request))).toEqual(numberedLines(200));

    await server.startAgain();
    const next = await createKernel(beamgate);
    await inPhase(beamgate, next.id, 'ready');
    expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ready' });
    expect((await listKernels(beamgate)).map((kernel) => kernel.id).toSorted()).toEqual([id, next.id].toSorted());
    await client.close();
    await endKernel(beamgate, next.id);
    await endKernel(beamgate, id);
  }, 120_000);

  it('leads again at once after it was killed itself', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    await beamgate.kill();
    await beamgate.startAgain();
    expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ready' });
    await endKernel(beamgate, id);
  }, 60_000);
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { Child } from '../support/child.js';
import { cleanEnvironment, remove, resultsFolder, temporaryFolder } from '../support/gateway.js';
import { nothingLeft } from '../support/leftovers.js';
import { isOf, NumberedClient } from '../support/numbered-client.js';
import { root } from '../support/parts.js';
import { agentRecord, ended, eventually } from '../support/processes.js';
import { createKernel, getKernel, inPhase, type KernelView } from '../support/v1.js';

const started: Beamgate[] = [];
const start = async (data: string, flags: string[] = []): Promise<Beamgate> => {
  const beamgate = await Beamgate.start({ data, flags, logName: 'chaos-stopping' });
  started.push(beamgate);
  return beamgate;
};

const SLEEPING = `
import time
print('running', flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    print('woken', flush=True)
`;

/** A service with two kernels, one of which holds a variable and runs a cell. */
async function busyService(data: string, flags: string[] = []) {
  const beamgate = await start(data, flags);
  const kernels = await Promise.all([createKernel(beamgate), createKernel(beamgate)]);
  await Promise.all(kernels.map(({ id }) => inPhase(beamgate, id, 'ready')));
  const [{ id }] = kernels as [KernelView, KernelView];
  const client = new NumberedClient(beamgate, id);
  await client.connect();
  await client.done(client.execute('kept = 1'));
  const busy = client.execute(SLEEPING);
  await client.until(() => client.printed(busy) === 'running\n');
  const records = kernels.map((kernel) => agentRecord(beamgate.data, kernel.id));
  return { beamgate, client, busy, ids: kernels.map((kernel) => kernel.id), records };
}

describe('a service that is told to stop', () => {
  let data: string;
  beforeEach(() => {
    data = temporaryFolder('data');
  });
  afterEach(async () => {
    for (const beamgate of started.splice(0)) await beamgate.stop();
    remove(data);
  }, 30_000);

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'says how many kernels live and ends them (%s)',
    async (signal) => {
      const { beamgate, ids, records } = await busyService(data);
      const gone = records.flatMap(({ pid, kernelPid }) => [ended(pid), ended(kernelPid)]);
      const code = await beamgate.process.end(signal);
      expect(beamgate.process.output).toMatch(/\b2 kernels\b/);
      expect(code).toBe(0);
      await Promise.all(gone);
      await nothingLeft(data, ids);
      expect(existsSync(join(data, 'service.json'))).toBe(false);

      await beamgate.startAgain();
      for (const id of ids) expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ended' });
      await beamgate.stop();
    },
    60_000,
  );

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'keeps them with --keep-kernels, and the next start has them (%s)',
    async (signal) => {
      const { beamgate, client, busy, ids, records } = await busyService(data, ['--keep-kernels']);
      const code = await beamgate.process.end(signal);
      expect(beamgate.process.output).toMatch(/\b2 kernels\b/);
      expect(code).toBe(0);
      for (const [index, id] of ids.entries()) expect(agentRecord(data, id)).toEqual(records[index]);

      const next = await start(data);
      for (const id of ids) await inPhase(next, id, 'ready');
      const again = new NumberedClient(next, client.kernelId);
      await again.connect();
      const response = await fetch(`${next.url}/api/kernels/${client.kernelId}/interrupt`, {
        method: 'POST',
        headers: { authorization: `Bearer ${next.token}` },
      });
      expect(response.status).toBe(204);
      await again.until((one) => isOf(one, busy) && one.message.content['execution_state'] === 'idle');
      expect(again.printed(busy)).toBe('woken\n');
      const request = again.execute('print(kept)');
      await again.done(request);
      expect(again.printed(request)).toBe('1\n');
      const gone = records.map(({ pid }) => ended(pid));
      await next.stop();
      await Promise.all(gone);
      await nothingLeft(data, ids);
    },
    60_000,
  );

  it('a second service on the same data folder is refused in one sentence, and the first goes on', async () => {
    const { beamgate, client, ids, records } = await busyService(data);
    const second = new Child(
      'a second service',
      '/bin/sh',
      [join(root, 'scripts/service.sh'), '--port', '0', '--data', data],
      { cwd: root, env: cleanEnvironment(), logFile: join(resultsFolder('logs'), 'chaos-second.log') },
    );
    expect(await second.ended).not.toBe(0);
    expect(second.output).toMatch(/Another Beamgate service.* already uses the data folder/);
    expect(second.output).not.toMatch(/^\s+at /m);
    expect(second.output).toContain(String(beamgate.pid));
    expect(existsSync(join(data, 'service.json'))).toBe(true);
    for (const [index, id] of ids.entries()) expect(agentRecord(data, id)).toEqual(records[index]);
    await eventually('the cell is seen to run', async () => {
      const { executionState } = await inPhase(beamgate, client.kernelId, 'ready');
      return executionState === 'busy' || undefined;
    });
    await beamgate.stop();
  }, 60_000);
});

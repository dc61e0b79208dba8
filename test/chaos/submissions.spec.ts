import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Beamgate } from '../support/beamgate.js';
import { call, remove } from '../support/gateway.js';
import { nothingLeft } from '../support/leftovers.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { agentRecords, eventually } from '../support/processes.js';
import { say } from '../support/say.js';
import { Seeded } from '../support/seeded.js';
import { endKernel, listKernels } from '../support/v1.js';

const SUBMISSIONS = 30;
const CAPACITY = 6;
const MiB = 1024 ** 2;
const OCCUPYING = ['admitted', 'launching', 'starting', 'ready', 'stopping'];

describe('kill -9 of the service with 30 submissions in flight', () => {
  const random = new Seeded();
  let specs: string;
  let beamgate: Beamgate;

  beforeAll(async () => {
    specs = offerNullKernel();
    beamgate = await Beamgate.start({
      config: {
        profiles: {
          small: { requests: { cpuMilli: 100, memoryBytes: 64 * MiB }, limits: { cpuMilli: null, memoryBytes: null } },
        },
        scheduling: { memoryBytes: CAPACITY * 64 * MiB },
      },
      env: { JUPYTER_PATH: specs },
      logName: 'chaos-submissions',
    });
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    remove(specs);
  }, 30_000);

  const submit = async (id: string): Promise<number> => {
    const body = JSON.stringify({ kernelspec: 'null', id });
    try {
      return (await call(beamgate, '/v1/kernels', { method: 'POST', body })).status;
    } catch {
      return 0; // The connection broke: nobody knows.
    }
  };

  it.each([1, 2, 3, 4])(
    'what was acknowledged is there, once, and capacity is kept (round %i)',
    async () => {
      const ids = Array.from({ length: SUBMISSIONS }, (): string => randomUUID());
      const killAfterMs = random.between(60, 200);
      const killed = delay(killAfterMs).then(() => beamgate.kill());
      const moments = ids.map(() => random.between(0, 150));
      const answers = await Promise.all(
        ids.map(async (id, index) => ({ id, status: await delay(moments[index]).then(() => submit(id)) })),
      );
      await killed;
      const acknowledged = answers.filter(({ status }) => status === 201).map(({ id }) => id);
      expect(answers.filter(({ status }) => status !== 201 && status !== 0)).toEqual([]);

      await beamgate.startAgain();
      const found = (await listKernels(beamgate)).filter(({ id }) => ids.includes(id));
      say(
        `seed ${random.seed}: killed after ${killAfterMs} ms, ${acknowledged.length} acknowledged, ${found.length} found`,
      );
      const foundIds = found.map(({ id }) => id);
      expect(foundIds).toHaveLength(new Set(foundIds).size);
      expect(foundIds).toEqual(expect.arrayContaining(acknowledged));

      // Whoever got no answer asks again with the same id.
      const again = await Promise.all(ids.map(submit));
      expect(again).toEqual(ids.map(() => 201));
      const live = await eventually(
        'capacity is used',
        async () => {
          const kernels = (await listKernels(beamgate)).filter(({ phase }) => phase !== 'ended');
          expect(kernels.filter(({ phase }) => OCCUPYING.includes(phase)).length).toBeLessThanOrEqual(CAPACITY);
          expect(agentRecords(beamgate.data).length).toBeLessThanOrEqual(CAPACITY);
          return kernels.filter(({ phase }) => phase === 'ready').length === CAPACITY ? kernels : undefined;
        },
        30,
      );
      expect(live.map(({ id }) => id).sort()).toEqual([...ids].sort());
      expect(live.filter(({ phase }) => phase === 'queued')).toHaveLength(SUBMISSIONS - CAPACITY);
      expect(agentRecords(beamgate.data)).toHaveLength(CAPACITY);

      // Each of those that wait gets its turn, and never more than there is room for.
      const served = new Set<string>();
      await eventually(
        'each had its turn',
        async () => {
          const kernels = (await listKernels(beamgate)).filter(({ phase }) => phase !== 'ended');
          expect(kernels.filter(({ phase }) => OCCUPYING.includes(phase)).length).toBeLessThanOrEqual(CAPACITY);
          for (const { id } of kernels.filter(({ phase }) => phase === 'ready')) {
            served.add(id);
            await endKernel(beamgate, id);
          }
          return served.size === SUBMISSIONS || undefined;
        },
        60,
      );
      await eventually(
        'all ended',
        async () => (await listKernels(beamgate)).every(({ phase }) => phase === 'ended') || undefined,
      );
      await nothingLeft(beamgate.data, ids);
    },
    180_000,
  );
});

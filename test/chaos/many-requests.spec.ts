import { remove } from '../support/gateway.js';
import { nothingLeft } from '../support/leftovers.js';
import {
  everyRowEnded,
  killOfAgent,
  killsOfServices,
  manyRequests,
  mostAtOnce,
  wronged,
} from '../support/many-requests.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { eventually } from '../support/processes.js';
import { say } from '../support/say.js';
import { ScaleOut } from '../support/scale-out.js';
import { Seeded } from '../support/seeded.js';

const FULL = process.env['BEAMGATE_FULL'] === '1';
const setting = (name: string, full: number, brief: number): number =>
  Number(process.env[`BEAMGATE_CHAOS_${name}`] ?? (FULL ? full : brief));
const REQUESTS = setting('REQUESTS', 10_000, 300);
const KILLS = setting('KILLS', 100, 3);
const CAPACITY = 8;
/** One kernel of so many is an ipykernel. */
const REAL_OF = 10;

describe(`${REQUESTS} kernel requests while ${KILLS} processes are killed`, () => {
  const random = new Seeded();
  let specs: string;
  let all: ScaleOut;

  beforeAll(async () => {
    specs = offerNullKernel();
    const config = { scheduling: { maxKernels: CAPACITY, maxKernelsPerUser: CAPACITY } };
    all = await ScaleOut.start({ config, env: { JUPYTER_PATH: specs }, durable: true });
  }, 180_000);
  afterAll(async () => {
    await all?.stop();
    remove(specs);
  }, 60_000);

  it(
    'loses none, doubles none, tells every end rightly, and leaves nothing behind',
    async () => {
      say(`seed ${random.seed}`);
      const lost = new Set<string>();
      const { outcomes, killed } = await manyRequests({
        gateways: all.gateways,
        requests: REQUESTS,
        atOnce: 2 * CAPACITY,
        kills: KILLS,
        kinds: { ...killsOfServices(all, random), agent: killOfAgent(all, random, lost) },
        random,
        kernelspec: (n) => (n % REAL_OF === 0 ? 'python3' : 'null'),
      });
      say(`killed: ${killed.join(', ')}; ${lost.size} kernels lost with their agents`);
      expect(killed).toHaveLength(KILLS);
      expect(outcomes).toHaveLength(REQUESTS);
      expect(wronged(outcomes, lost)).toEqual([]);
      await eventually('every row has ended', () => everyRowEnded(all));
      await nothingLeft(
        all.launcher.data,
        outcomes.map(({ id }) => id),
      );
      expect(await mostAtOnce(all)).toBeLessThanOrEqual(CAPACITY);
    },
    FULL ? 3_600_000 : 300_000,
  );
});

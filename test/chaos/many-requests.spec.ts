import { remove } from '../support/gateway.js';
import { nothingLeft } from '../support/leftovers.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { OneRequest, type Outcome } from '../support/one-request.js';
import { agentRecords, eventually } from '../support/processes.js';
import { say } from '../support/say.js';
import { ScaleOut } from '../support/scale-out.js';
import { Seeded } from '../support/seeded.js';

const FULL = process.env['BEAMGATE_FULL'] === '1';
const setting = (name: string, full: number, brief: number): number =>
  Number(process.env[`BEAMGATE_CHAOS_${name}`] ?? (FULL ? full : brief));
const REQUESTS = setting('REQUESTS', 10_000, 300);
const KILLS = setting('KILLS', 100, 3);
const AT_ONCE = 16;
const CAPACITY = 8;
/** One kernel of so many is an ipykernel. */
const REAL_OF = 10;
const OCCUPYING = "phase in ('admitted', 'launching', 'starting', 'ready', 'stopping')";

describe(`${REQUESTS} kernel requests while ${KILLS} processes are killed`, () => {
  const random = new Seeded();
  let specs: string;
  let all: ScaleOut;
  const lostWithTheirAgents = new Set<string>();
  const killed: string[] = [];

  beforeAll(async () => {
    specs = offerNullKernel();
    const config = { scheduling: { maxKernels: CAPACITY, maxKernelsPerUser: CAPACITY } };
    all = await ScaleOut.start({ config, env: { JUPYTER_PATH: specs }, durable: true });
  }, 180_000);
  afterAll(async () => {
    await all?.stop();
    remove(specs);
  }, 60_000);

  /** Each kills one kind of process and brings it back. */
  const kinds: Record<string, () => Promise<void>> = {
    gateway: async () => {
      const gateway = all.gateways[random.between(0, 1)];
      await gateway?.kill();
      await gateway?.startAgain();
    },
    gatekeeper: async () => {
      await all.gatekeepers[0]?.kill();
      await all.gatekeepers[1]?.serving();
      all.gatekeepers.reverse();
      all.gatekeepers[1]?.begin();
    },
    launcher: async () => {
      await all.launcher.kill();
      await all.launcher.start();
    },
    RabbitMQ: async () => {
      await all.broker.crash();
      await all.broker.startAgain();
    },
    PostgreSQL: async () => {
      await all.database.crash();
      await all.database.startAgain();
    },
    agent: async () => {
      const records = agentRecords(all.launcher.data);
      const victim = records[random.between(0, Math.max(0, records.length - 1))];
      if (victim === undefined) return;
      lostWithTheirAgents.add(victim.kernelId);
      process.kill(victim.pid, 'SIGKILL');
    },
  };

  /** Places that were held at one time, by the rows; one that is given up at a moment may be taken in it. */
  const mostAtOnce = async (): Promise<number> => {
    const held = 'select admitted_at as "from", ended_at as "to" from kernels where admitted_at is not null';
    const moments = (await all.database.query(held, all.databaseUrl)).flatMap(({ from, to }) => [
      { at: Number(from), change: 1 },
      { at: Number(to), change: -1 },
    ]);
    moments.sort((a, b) => a.at - b.at || a.change - b.change);
    let [now, most] = [0, 0];
    for (const { change } of moments) {
      now += change;
      most = Math.max(most, now);
    }
    return most;
  };

  it(
    'loses none, doubles none, tells every end rightly, and leaves nothing behind',
    async () => {
      say(`seed ${random.seed}`);
      const names = Object.keys(kinds);
      // Every kind in turn, from a random one on.
      const first = random.between(0, names.length - 1);
      const outcomes: Outcome[] = [];
      let begun = 0;
      let killing = Promise.resolve();
      const work = async (): Promise<void> => {
        while (begun < REQUESTS) {
          begun += 1;
          outcomes.push(await new OneRequest(all.gateways, begun % REAL_OF === 0 ? 'python3' : 'null').run());
          const due = Math.floor((outcomes.length * (KILLS + 1)) / REQUESTS);
          if (due <= killed.length || killed.length >= KILLS) continue;
          const name = names[(first + killed.length) % names.length] as string;
          killed.push(name);
          killing = killing.then(kinds[name]);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      await killing;
      say(`killed: ${killed.join(', ')}; ${lostWithTheirAgents.size} kernels lost with their agents`);

      expect(killed).toHaveLength(KILLS);
      expect(outcomes).toHaveLength(REQUESTS);
      const wrong = outcomes.filter(({ id, executions, endReason }) =>
        lostWithTheirAgents.has(id)
          ? executions > 1 || !['shut-down', 'node-lost', 'launch-failed'].includes(endReason ?? '')
          : executions !== 1 || endReason !== 'shut-down',
      );
      expect(wrong).toEqual([]);
      await eventually('every row has ended', async () => {
        const [row] = await all.database.query(`select count(*) from kernels where ${OCCUPYING}`, all.databaseUrl);
        return row?.['count'] === '0' ? true : undefined;
      });
      await nothingLeft(
        all.launcher.data,
        outcomes.map(({ id }) => id),
      );
      expect(await mostAtOnce()).toBeLessThanOrEqual(CAPACITY);
    },
    FULL ? 3_600_000 : 300_000,
  );
});

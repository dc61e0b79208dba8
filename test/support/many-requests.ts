import type { Gateway } from './gateway.js';
import { OneRequest, type Outcome } from './one-request.js';
import { agentRecords } from './processes.js';
import type { ScaleOut } from './scale-out.js';
import type { Seeded } from './seeded.js';

/** Kills one process of a kind and brings it back, where nobody else would. */
export type Kill = () => Promise<void>;

/** Phases in which a kernel holds a place. */
const OCCUPYING = "phase in ('admitted', 'launching', 'starting', 'ready', 'stopping')";

/** Of services, broker and database. */
export const killsOfServices = (all: ScaleOut, random: Seeded): Record<string, Kill> => ({
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
});

/** Of an agent on the process host. @param lost  takes the kernel that goes with it */
export const killOfAgent =
  (all: ScaleOut, random: Seeded, lost: Set<string>): Kill =>
  async () => {
    const records = agentRecords(all.launcher.data);
    const victim = records[random.between(0, Math.max(0, records.length - 1))];
    if (victim === undefined) return;
    lost.add(victim.kernelId);
    process.kill(victim.pid, 'SIGKILL');
  };

export interface ManyRequests {
  gateways: readonly Gateway[];
  requests: number;
  atOnce: number;
  /** In all, spread over the requests: every kind in turn, from a random one on. */
  kills: number;
  kinds: Record<string, Kill>;
  random: Seeded;
  /** Of the n-th request. */
  kernelspec(n: number): string;
}

/** Kernel requests while processes are killed. @returns what became of each, and the kinds that were killed */
export async function manyRequests(options: ManyRequests): Promise<{ outcomes: Outcome[]; killed: string[] }> {
  const { gateways, requests, atOnce, kills, kinds, random, kernelspec } = options;
  const names = Object.keys(kinds);
  const first = random.between(0, names.length - 1);
  const outcomes: Outcome[] = [];
  const killed: string[] = [];
  let begun = 0;
  let killing = Promise.resolve();
  const work = async (): Promise<void> => {
    while (begun < requests) {
      begun += 1;
      outcomes.push(await new OneRequest(gateways, kernelspec(begun)).run());
      const due = Math.floor((outcomes.length * (kills + 1)) / requests);
      if (due <= killed.length || killed.length >= kills) continue;
      const name = names[(first + killed.length) % names.length] as string;
      killed.push(name);
      killing = killing.then(kinds[name]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await killing;
  return { outcomes, killed };
}

/** Those whose cell did not run once and whose end was not told rightly. @param lost  kernels whose agent was killed */
export const wronged = (outcomes: readonly Outcome[], lost: ReadonlySet<string>): Outcome[] =>
  outcomes.filter(({ id, executions, endReason }) =>
    lost.has(id)
      ? executions > 1 || !['shut-down', 'node-lost', 'launch-failed'].includes(endReason ?? '')
      : executions !== 1 || endReason !== 'shut-down',
  );

/** Places that were held at one time, by the rows; one that is given up at a moment may be taken in it. */
export async function mostAtOnce(all: ScaleOut): Promise<number> {
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
}

/** Undefined until every row has ended. */
export async function everyRowEnded(all: ScaleOut): Promise<true | undefined> {
  const [row] = await all.database.query(`select count(*) from kernels where ${OCCUPYING}`, all.databaseUrl);
  return row?.['count'] === '0' ? true : undefined;
}

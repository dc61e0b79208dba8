import { readFileSync } from 'node:fs';
import { call, type Gateway } from '../../support/gateway.js';
import { eventually } from '../../support/processes.js';
import type { ScaleOut } from '../../support/scale-out.js';
import type { ServiceProcess } from '../../support/service-process.js';
import { createKernel, getKernel, inPhase } from '../../support/v1.js';
import { median } from '../statistics.js';
import { withServices } from './bench-services.js';
import type { Part } from './part.js';

const RUNNING = 2;
const MOST_SECONDS = 5;
/** How long a decision may take before this gives up. */
const PATIENCE_SECONDS = 60;

/**
 * `kill -9` of the gatekeeper that leads, with kernels in the queue. A decision: a kernel that runs is ended over REST, asked
 * for until somebody takes it, and the first in the queue gets its place. Then the others must wait in the order they did.
 */
export const failover =
  ({ waiting: count, kills }: { waiting: number; kills: number }): Part =>
  (note, say) =>
    withServices(
      async (all) => {
        const [gateway] = all.gateways;
        const submit = async (): Promise<string> => (await createKernel(gateway, { kernelspec: 'null' })).id;
        const running = await inTurn(RUNNING, submit);
        for (const id of running) await inPhase(gateway, id, 'ready');
        const waiting = await inTurn(count, submit);
        const times: number[] = [];
        let moved = 0;
        for (let kill = 0; kill < kills; kill += 1) {
          const before = await positions(gateway, waiting);
          const killed = await killLeader(all);
          await end(gateway, running.shift() as string);
          const first = waiting.shift() as string;
          const decided = async () => ((await phaseOf(gateway, first)) === 'queued' ? undefined : performance.now());
          times.push((await eventually('the standby decides', decided, PATIENCE_SECONDS)) - killed);
          running.push((await inPhase(gateway, first, 'ready')).id);
          const after = await positions(gateway, waiting);
          moved += after.filter(
            (position, at) => position === undefined || position !== (before[at + 1] as number) - 1,
          ).length;
          waiting.push(await submit());
          await standBy(all);
        }
        say(`kill to decision, ms: ${times.map((time) => time.toFixed(0)).join(', ')}`);
        note(`kill -9 of the leader to a decision, ${count} waiting, median of ${kills}`, 's', median(times) / 1000, {
          most: MOST_SECONDS,
        });
        note(`kill -9 of the leader to a decision, longest of ${kills}`, 's', Math.max(...times) / 1000, {
          most: MOST_SECONDS,
        });
        note(`places in the queue that changed, of ${kills * (count - 1)}`, 'places', moved, { most: 0 });
      },
      { scheduling: { maxKernels: RUNNING, maxKernelsPerUser: RUNNING } },
    );

/** @returns the moment */
async function killLeader(all: ScaleOut): Promise<number> {
  await all.gatekeepers[0]?.kill();
  return performance.now();
}

/** The killed one comes back as the standby of the other. */
async function standBy(all: ScaleOut): Promise<void> {
  await all.gatekeepers[1]?.serving();
  all.gatekeepers.reverse();
  const standby = all.gatekeepers[1] as ServiceProcess;
  const before = timesStoodBy(standby);
  standby.begin();
  await eventually('the other stands by', () => timesStoodBy(standby) > before || undefined);
}

const timesStoodBy = ({ logFile }: ServiceProcess): number =>
  readFileSync(logFile, 'utf8').split('"standing by"').length;

/** Asks until somebody takes it. */
const end = (gateway: Gateway, id: string): Promise<true> =>
  eventually(
    `the end of ${id} is taken`,
    async () => {
      const signal = AbortSignal.timeout(1_000);
      const answer = await call(gateway, `/v1/kernels/${id}`, { method: 'DELETE', signal }).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok || undefined;
    },
    PATIENCE_SECONDS,
  );

const phaseOf = async (gateway: Gateway, id: string): Promise<string> => (await getKernel(gateway, id)).phase;

/** Places in the queue, from 1. */
const positions = (gateway: Gateway, ids: readonly string[]): Promise<(number | undefined)[]> =>
  Promise.all(ids.map(async (id) => (await getKernel(gateway, id)).wait?.position));

async function inTurn<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let time = 0; time < times; time += 1) results.push(await work());
  return results;
}

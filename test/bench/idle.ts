import { execFileSync } from 'node:child_process';
import { setTimeout as elapse } from 'node:timers/promises';
import { ChannelClient, startKernel } from '../support/channel-client.js';
import { cpuSeconds } from './service-cost.js';
import { type SubjectName, start } from './subjects.js';

const AT_A_TIME = 4;
/** What the starts left behind is over by then. */
const SETTLE_MS = 10_000;

export interface Idle {
  /** CPU of the service process, its threads included, per cent of one core. */
  percent: number;
  /** Times that one of its threads went to sleep of itself, per second. */
  wakesPerSecond: number;
  /** How many kernels there were; fewer than asked where the gateway could not start them. */
  kernels: number;
}

/** CPU of the service alone over a quiet time, with idle null kernels, each with one silent socket. */
export async function idle(
  subject: SubjectName,
  jupyterPath: string,
  kernels: number,
  quietSeconds: number,
): Promise<Idle> {
  const gateway = await start(subject, jupyterPath);
  try {
    const clients: ChannelClient[] = [];
    for (let index = 0; index < kernels; index += AT_A_TIME) {
      const batch = Array.from({ length: Math.min(AT_A_TIME, kernels - index) }, async () => {
        const { id } = await startKernel(gateway, 'null');
        const client = await ChannelClient.open(gateway, id);
        await client.request('shell', 'kernel_info_request');
        return client;
      });
      for (const one of await Promise.allSettled(batch)) if (one.status === 'fulfilled') clients.push(one.value);
    }
    await elapse(SETTLE_MS);
    const [cpu, wakes, began] = [cpuSeconds(gateway.pid), sleeps(gateway.pid), performance.now()];
    await elapse(quietSeconds * 1000);
    const seconds = (performance.now() - began) / 1000;
    const result = {
      percent: (100 * (cpuSeconds(gateway.pid) - cpu)) / seconds,
      wakesPerSecond: (sleeps(gateway.pid) - wakes) / seconds,
      kernels: clients.length,
    };
    for (const client of clients) await client.close();
    return result;
  } finally {
    await gateway.stop();
  }
}

function sleeps(pid: number): number {
  const threads = execFileSync('sh', ['-c', `cat /proc/${pid}/task/*/status`], { encoding: 'utf8' });
  return [...threads.matchAll(/^voluntary_ctxt_switches:\s+(\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

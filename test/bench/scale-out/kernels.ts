import { setTimeout as elapse } from 'node:timers/promises';
import { call } from '../../support/gateway.js';
import { descriptors } from '../../support/inspected.js';
import { processesWith } from '../../support/processes.js';
import type { ScaleOut } from '../../support/scale-out.js';
import { cpuPercent } from '../service-cost.js';
import { median, quantile } from '../statistics.js';
import { proportionalSetSize } from '../subjects.js';
import { withServices } from './bench-services.js';
import { KernelCrowd } from './kernel-crowd.js';
import type { Note, Part } from './part.js';

/** How often each list is asked for. */
const ASKED = 20;

const count = (kernels: number): string => kernels.toLocaleString('en');

export interface KernelSizes {
  /** Numbers of kernels at which memory is taken, ascending; the last is reached with all sockets open. */
  steps: number[];
  quietSeconds: number;
  /** Before memory is taken. */
  settleSeconds: number;
}

/**
 * Many kernels at once, of the null kind on the process host, each with an open socket through one of two gateways:
 * whether all start and answer, and what the services take for each.
 */
export const kernels =
  ({ steps, quietSeconds, settleSeconds }: KernelSizes): Part =>
  (note, say) =>
    withServices(async (all) => {
      const memoryOf = async (when: string): Promise<number[]> => {
        await elapse(settleSeconds * 1000);
        return memoryNow(all, note, when);
      };
      const most = steps.at(-1) ?? 0;
      const crowd = new KernelCrowd(all.gateways);
      const memory = [await memoryOf('without kernels')];
      let seconds = 0;
      for (const step of steps) {
        const began = performance.now();
        await crowd.growTo(step);
        seconds += (performance.now() - began) / 1000;
        say(`${crowd.size} kernels after ${seconds.toFixed(0)} s; ${crowd.problems.length} problems`);
        memory.push(await memoryOf(`with ${count(step)} kernels`));
      }
      note(`kernels started and answering, of ${count(most)}`, 'kernels', crowd.size, { least: most });
      note(`${count(most)} kernels, POST of the first to the reply of the last`, 's', seconds);
      note('POST to the reply of the first cell, p50', 'ms', median(crowd.times));
      note('POST to the reply of the first cell, p99', 'ms', quantile(crowd.times, 0.99));
      for (const [at, { name }] of all.services.entries())
        note(`${name}, PSS more per kernel`, 'kB', perKernel(memory, at, most) / 1e3);
      note('agent and null kernel, PSS per kernel', 'MB', (await kernelBytes(all)) / most / 1e6);

      say(`CPU over ${quietSeconds} s`);
      await cpu(all, note, `with ${count(most)} open sockets`, quietSeconds);
      note(`kernels that answer again, of ${count(most)}`, 'kernels', await crowd.executeAll(), { least: most });
      for (const path of ['/api/kernels', '/v1/kernels'])
        note(`GET ${path} with ${count(most)} kernels, p50`, 'ms', median(await timesOf(all, path)));
      note('sockets dropped', 'sockets', crowd.dropped, { most: 0 });

      const began = performance.now();
      await crowd.disperse();
      note(`end of ${count(most)} kernels`, 's', (performance.now() - began) / 1000);
      await memoryOf('after all have ended');
      await cpu(all, note, 'after all have ended', quietSeconds);
      for (const problem of crowd.problems.slice(0, 5)) say(problem);
    });

/** Memory of each service, in their order, and its open descriptors. */
function memoryNow(all: ScaleOut, note: Note, when: string): number[] {
  return all.services.map(({ name, pid }) => {
    const bytes = proportionalSetSize(pid);
    note(`${name}, PSS ${when}`, 'MB', bytes / 1e6);
    note(`${name}, descriptors ${when}`, 'files', descriptors(pid));
    return bytes;
  });
}

/** Of GET, one after another; milliseconds. */
async function timesOf({ gateways: [gateway] }: ScaleOut, path: string): Promise<number[]> {
  const times: number[] = [];
  for (let asked = 0; asked < ASKED; asked += 1) {
    const began = performance.now();
    await (await call(gateway, path)).text();
    times.push(performance.now() - began);
  }
  return times;
}

const perKernel = (memory: number[][], service: number, most: number): number =>
  ((memory.at(-1)?.[service] ?? 0) - (memory[0]?.[service] ?? 0)) / most;

async function kernelBytes(all: ScaleOut): Promise<number> {
  const own = new Set(all.services.map(({ pid }) => pid));
  const pids = processesWith(all.launcher.data).filter((pid) => !own.has(pid));
  return pids.reduce((sum, pid) => sum + proportionalSetSize(pid), 0);
}

async function cpu({ services }: ScaleOut, note: Note, when: string, seconds: number): Promise<void> {
  const percents = await cpuPercent(
    services.map(({ pid }) => pid),
    seconds,
  );
  for (const [at, percent] of percents.entries()) note(`${services[at]?.name}, CPU ${when}`, '% of a core', percent);
}

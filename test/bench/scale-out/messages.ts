import { cpus } from 'node:os';
import { cpuSeconds } from '../service-cost.js';
import { flood } from '../throughput.js';
import { withServices } from './bench-services.js';
import type { Part } from './part.js';

const KERNELS = 4;
const BYTES = 1024;
const LEAST_TIMES = 1.7;
/** Two gateways, the kernels with their agents, and the clients each want one of their own. */
const CORES = 8;

/**
 * Messages of several kernels at once, through one gateway and then the same through two. Where cores are few the machine
 * is what is measured; the CPU time that a gateway takes for each message says what more of them would carry.
 */
export const messages =
  ({ each }: { each: number }): Part =>
  (note, say) =>
    withServices(async ({ gateways }) => {
      const [one, two] = gateways;
      const what = { what: 'stream', messages: each, bytes: BYTES, framing: 'v1' } as const;
      const rate = async (among: typeof gateways): Promise<number> => {
        const before = gateways.map(({ pid }) => cpuSeconds(pid));
        const floods = await Promise.all(
          Array.from({ length: KERNELS }, (_, at) => flood(among[at % 2] as typeof one, what)),
        );
        const spent = gateways.reduce((sum, { pid }, at) => sum + cpuSeconds(pid) - (before[at] as number), 0);
        const seconds = Math.max(...floods.map((found) => found.seconds));
        const missing = floods.reduce((sum, found) => sum + found.missing, 0);
        const title = among[0] === among[1] ? 'one gateway' : 'two gateways';
        note(`${title}, 1 KB messages of ${KERNELS} kernels`, 'messages/s', (KERNELS * each) / seconds);
        note(`${title}, CPU of gateways for 1,000 messages`, 'ms', (spent * 1e6) / (KERNELS * each));
        note(`${title}, messages that never came`, 'messages', missing, { most: 0 });
        return (KERNELS * each) / seconds;
      };
      // The first flood compiles both.
      await Promise.all(gateways.map((gateway) => flood(gateway, { ...what, messages: 2_000 })));
      say('floods through one, then two');
      const [alone, together] = [await rate([one, one]), await rate([one, two])];
      const asked = cpus().length >= CORES ? { least: LEAST_TIMES } : undefined;
      note(`two gateways carry, times one, on ${cpus().length} cores`, '×', together / alone, asked);
    });

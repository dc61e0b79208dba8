import { cpus } from 'node:os';
import { cpuSeconds } from '../service-cost.js';
import { median } from '../statistics.js';
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
  ({ each, rounds }: { each: number; rounds: number }): Part =>
  (note, say) =>
    withServices(async ({ gateways }) => {
      const [one, two] = gateways;
      const flooded = async (among: readonly [typeof one, typeof one], messages: number): Promise<Flooded> => {
        const before = gateways.map(({ pid }) => cpuSeconds(pid));
        const what = { what: 'stream', messages, bytes: BYTES, framing: 'v1' } as const;
        const floods = await Promise.all(
          Array.from({ length: KERNELS }, (_, at) => flood(among[at % 2] as typeof one, what)),
        );
        const spent = gateways.reduce((sum, { pid }, at) => sum + cpuSeconds(pid) - (before[at] as number), 0);
        return {
          perSecond: (KERNELS * messages) / Math.max(...floods.map(({ seconds }) => seconds)),
          cpuMs: (spent * 1e6) / (KERNELS * messages),
          missing: floods.reduce((sum, { missing }) => sum + missing, 0),
        };
      };
      // The first floods compile both, and the client.
      await flooded([one, two], each);
      const found: Record<'one gateway' | 'two gateways', Flooded[]> = { 'one gateway': [], 'two gateways': [] };
      // Interleaved, so that what the machine does meanwhile falls on both.
      for (let round = 1; round <= rounds; round += 1) {
        say(`floods through one, then two; ${round} of ${rounds}`);
        found['one gateway'].push(await flooded([one, one], each));
        found['two gateways'].push(await flooded([one, two], each));
      }
      const middle = (of: Flooded[], value: (one: Flooded) => number): number => median(of.map(value));
      for (const [title, of] of Object.entries(found)) {
        note(
          `${title}, 1 KB messages of ${KERNELS} kernels`,
          'messages/s',
          middle(of, ({ perSecond }) => perSecond),
        );
        note(
          `${title}, CPU of gateways for 1,000 messages`,
          'ms',
          middle(of, ({ cpuMs }) => cpuMs),
        );
        const missing = of.reduce((sum, one) => sum + one.missing, 0);
        note(`${title}, messages that never came`, 'messages', missing, { most: 0 });
      }
      const rate = (of: Flooded[]): number => middle(of, ({ perSecond }) => perSecond);
      const times = rate(found['two gateways']) / rate(found['one gateway']);
      const asked = cpus().length >= CORES ? { least: LEAST_TIMES } : undefined;
      note(`two gateways carry, times one, on ${cpus().length} cores`, '×', times, asked);
    });

interface Flooded {
  perSecond: number;
  /** Of all gateways, for 1,000 messages. */
  cpuMs: number;
  /** Messages that never came. */
  missing: number;
}

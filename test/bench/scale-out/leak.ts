import { Inspected } from '../../support/inspected.js';
import type { ScaleOut } from '../../support/scale-out.js';
import { withServices } from './bench-services.js';
import { KernelCrowd } from './kernel-crowd.js';
import type { Part } from './part.js';

/** What the ended ones leave for a moment is over by then: links linger, and rows are told of again. */
const SETTLE_MS = 15_000;

/** Rounds of kernels that come, execute and go: what a service holds more for each that was. */
export const leak =
  ({ kernels, rounds }: { kernels: number; rounds: number }): Part =>
  (note, say) =>
    withServices(
      async (all) => {
        const round = async (): Promise<void> => {
          const crowd = new KernelCrowd(all.gateways);
          await crowd.growTo(kernels);
          await crowd.disperse();
          for (const problem of crowd.problems.slice(0, 5)) say(problem);
        };
        await round();
        const first = await used(all);
        for (let more = 1; more < rounds; more += 1) await round();
        const last = await used(all);
        for (const [at, { name }] of all.services.entries()) {
          const grown = (last[at] as number) - (first[at] as number);
          note(`${name}, held after one round`, 'MB', (first[at] as number) / 1e6);
          note(`${name}, held more for each kernel that was`, 'kB', grown / (kernels * (rounds - 1)) / 1e3);
        }
      },
      { env: Inspected.anywhere },
    );

/** Of each service, in their order, after a full collection; bytes. */
async function used({ services }: ScaleOut): Promise<number[]> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return Promise.all(services.map(({ output }) => Inspected.of(output).usedBytes()));
}

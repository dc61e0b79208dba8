import type { Gateway } from '../../support/gateway.js';
import { createKernel, inPhase } from '../../support/v1.js';
import { withServices } from './bench-services.js';
import { KernelCrowd } from './kernel-crowd.js';
import type { Part } from './part.js';

/**
 * A launcher, and a gatekeeper, that are killed among many kernels: how long a new kernel waits for what whoever comes next
 * has to find out about all the others.
 */
export const returns =
  ({ kernels }: { kernels: number }): Part =>
  (note, say) =>
    withServices(async (all) => {
      const crowd = new KernelCrowd(all.gateways);
      await crowd.growTo(kernels);
      say(`${crowd.size} kernels`);
      const [gateway] = all.gateways;
      const among = `among ${kernels.toLocaleString('en')} kernels`;
      const measure = async (who: string, comeBack: () => Promise<void>): Promise<void> => {
        const began = performance.now();
        await comeBack();
        const back = performance.now();
        await ready(gateway);
        note(`${who} killed ${among}, until another serves`, 's', (back - began) / 1000);
        note(`${who} killed ${among}, from then until a new kernel is ready`, 's', (performance.now() - back) / 1000);
        const answers = await crowd.executeAll();
        note(`${who} killed ${among}, kernels that answer`, 'kernels', answers, { least: kernels });
      };
      await measure('launcher', async () => {
        await all.launcher.kill();
        await all.launcher.start();
      });
      await measure('leader', async () => {
        await all.gatekeepers[0]?.kill();
        await all.gatekeepers[1]?.serving();
      });
      for (const problem of crowd.problems.slice(0, 5)) say(problem);
    });

async function ready(gateway: Gateway): Promise<void> {
  const { id } = await createKernel(gateway, { kernelspec: 'null' });
  await inPhase(gateway, id, 'ready');
}

import { remove } from '../../support/gateway.js';
import { offerNullKernel } from '../../support/null-kernel.js';
import { ScaleOut } from '../../support/scale-out.js';

/** What a small machine may book would let the hundredth kernel wait. */
const ROOM = { cpuMilli: 1_000_000_000, memoryBytes: 2 ** 50 };

/** Has all services run, with null kernels on offer, while `work` goes on. */
export async function withServices<T>(
  work: (all: ScaleOut) => Promise<T>,
  { scheduling = {}, env = {} }: { scheduling?: object; env?: Record<string, string> } = {},
): Promise<T> {
  const specs = offerNullKernel();
  try {
    const config = { scheduling: { ...ROOM, ...scheduling } };
    const all = await ScaleOut.start({ config, env: { JUPYTER_PATH: specs, ...env }, brokerStays: true });
    try {
      return await work(all);
    } finally {
      await all.stop();
    }
  } finally {
    remove(specs);
  }
}

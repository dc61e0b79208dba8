import { setTimeout as elapse } from 'node:timers/promises';
import { ChannelClient, startKernel } from '../support/channel-client.js';
import { proportionalSetSize, type SubjectName, start } from './subjects.js';

const AT_A_TIME = 4;
/** Long enough for what the start left behind to be collected where the program does so by itself. */
const SETTLE_MS = 5000;

export interface Memory {
  restBytes: number;
  /** With that many idle kernels, each with a socket open. */
  kernelsBytes: number;
}

/** Memory of the service process alone, freshly started, at rest and then with idle kernels. */
export async function memory(subject: SubjectName, jupyterPath: string, kernels: number): Promise<Memory> {
  const gateway = await start(subject, jupyterPath);
  try {
    await elapse(SETTLE_MS);
    const restBytes = proportionalSetSize(gateway.pid);
    const clients: ChannelClient[] = [];
    for (let index = 0; index < kernels; index += AT_A_TIME) {
      const batch = Array.from({ length: Math.min(AT_A_TIME, kernels - index) }, async () => {
        const { id } = await startKernel(gateway, 'python3');
        const client = await ChannelClient.open(gateway, id);
        await client.request('shell', 'kernel_info_request');
        return client;
      });
      clients.push(...(await Promise.all(batch)));
    }
    await elapse(SETTLE_MS);
    const kernelsBytes = proportionalSetSize(gateway.pid);
    for (const client of clients) await client.close();
    return { restBytes, kernelsBytes };
  } finally {
    await gateway.stop();
  }
}

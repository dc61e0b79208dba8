import { ChannelClient, deleteKernel, startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import type { KernelClient } from '../support/kernel-client.js';
import { DirectClient } from './direct-client.js';
import { KERNELS, type KernelName } from './subjects.js';

/** For both compilers, the client's and the gateway's: a kernel is used for hours. */
const WARM_UP_MS = 1500;

/** Times from execute_request to both the reply and the idle status, milliseconds. */
async function roundTrips(client: KernelClient, count: number): Promise<number[]> {
  client.keeping = false;
  const warm = performance.now() + WARM_UP_MS;
  while (performance.now() < warm) await client.execute('None');
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const began = performance.now();
    await client.execute('None');
    times.push(performance.now() - began);
  }
  return times;
}

export async function roundTripsThrough(gateway: Gateway, kernel: KernelName, count: number): Promise<number[]> {
  const { id } = await startKernel(gateway, kernel);
  const client = await ChannelClient.open(gateway, id);
  await client.request('shell', 'kernel_info_request');
  const times = await roundTrips(client, count);
  await client.close();
  await deleteKernel(gateway, id);
  return times;
}

export async function roundTripsDirect(kernel: KernelName, count: number): Promise<number[]> {
  const client = await DirectClient.start([...KERNELS[kernel]]);
  const times = await roundTrips(client, count);
  await client.close();
  return times;
}

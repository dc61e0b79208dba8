import { ChannelClient, deleteKernel, startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import type { KernelClient } from '../support/kernel-client.js';
import { DirectClient } from './direct-client.js';
import { KERNELS, type KernelName } from './subjects.js';

const WARM_UP = 30;

/** Times from execute_request to both the reply and the idle status, milliseconds. */
async function roundTrips(client: KernelClient, count: number): Promise<number[]> {
  client.keeping = false;
  for (let index = 0; index < WARM_UP; index += 1) await client.execute('None');
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

import { setTimeout as elapse } from 'node:timers/promises';
import { ChannelClient, deleteKernel, startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import type { KernelName } from './subjects.js';

const PATIENCE_MS = 20_000;

/**
 * POST to the kernel_info_reply over a socket opened at once, milliseconds; undefined when no reply came in 20 s: a start
 * that was lost. The kernel is deleted after it.
 */
async function coldStart(gateway: Gateway, kernel: KernelName): Promise<number | undefined> {
  const began = performance.now();
  const { id } = await startKernel(gateway, kernel);
  const client = await ChannelClient.open(gateway, id);
  const reply = client.request('shell', 'kernel_info_request').then(
    () => performance.now() - began,
    () => undefined,
  );
  const patience = new AbortController();
  const took = await Promise.race([reply, elapse(PATIENCE_MS, undefined, { signal: patience.signal })]);
  patience.abort();
  client.socket.terminate();
  await deleteKernel(gateway, id);
  return took;
}

export interface Starts {
  times: number[];
  lost: number;
}

const counted = (times: (number | undefined)[]): Starts => {
  const known = times.filter((time) => time !== undefined);
  return { times: known, lost: times.length - known.length };
};

/** One after another. */
export async function coldStartsInTurn(gateway: Gateway, kernel: KernelName, count: number): Promise<Starts> {
  const times: (number | undefined)[] = [];
  for (let index = 0; index < count; index += 1) times.push(await coldStart(gateway, kernel));
  return counted(times);
}

/** All at once; the time of each from the common beginning. */
export const coldStartsAtOnce = async (gateway: Gateway, kernel: KernelName, count: number): Promise<Starts> =>
  counted(await Promise.all(Array.from({ length: count }, () => coldStart(gateway, kernel))));

import { setTimeout as elapse } from 'node:timers/promises';
import { ChannelClient, deleteKernel, type KernelModel, startKernel } from '../support/channel-client.js';
import { call, type Gateway } from '../support/gateway.js';
import type { KernelName } from './subjects.js';

const PATIENCE_MS = 20_000;

interface Start {
  /** Milliseconds; undefined when no reply came in 20 s: a start that was lost. */
  took: number | undefined;
  end(): Promise<void>;
}

/** POST to the kernel_info_reply over a socket opened at once. */
async function start(gateway: Gateway, kernel: KernelName): Promise<Start> {
  const began = performance.now();
  const { id } = await startKernel(gateway, kernel);
  const client = await ChannelClient.open(gateway, id);
  const reply = client.request('shell', 'kernel_info_request').then(
    ({ content }) => ({ took: performance.now() - began, links: content['help_links'] as unknown[] }),
    () => undefined,
  );
  const patience = new AbortController();
  const first = await Promise.race([reply, elapse(PATIENCE_MS, undefined, { signal: patience.signal })]);
  patience.abort();
  // While a kernel waits in the queue Beamgate answers for it, and gives no links.
  if (kernel === 'python3' && first?.links.length === 0) throw new Error('The gateway answered, and not the kernel.');
  const end = async () => {
    client.socket.terminate();
    await deleteKernel(gateway, id);
    await ended(gateway, id);
  };
  return { took: first?.took, end };
}

/** Some answer the DELETE before the kernel is gone; what is still at work would slow the next start. */
async function ended(gateway: Gateway, id: string): Promise<void> {
  for (;;) {
    const answer = await call(gateway, `/api/kernels/${id}`);
    if (answer.status === 404 || ((await answer.json()) as KernelModel).execution_state === 'dead') return;
    await elapse(10);
  }
}

export interface Starts {
  times: number[];
  lost: number;
}

const counted = (starts: Start[]): Starts => {
  const times = starts.map(({ took }) => took).filter((took) => took !== undefined);
  return { times, lost: starts.length - times.length };
};

/**
 * One after another. The kernels are deleted when all have answered: the end of one would slow the start of the next.
 * @param pause  waited for before each
 */
export async function startsInTurn(
  gateway: Gateway,
  kernel: KernelName,
  count: number,
  pause: () => Promise<void> = async () => {},
): Promise<Starts> {
  const starts: Start[] = [];
  for (let index = 0; index < count; index += 1) {
    await pause();
    starts.push(await start(gateway, kernel));
  }
  await Promise.all(starts.map((one) => one.end()));
  return counted(starts);
}

/** All at once; the time of each from the common beginning. The kernels are deleted when all have answered. */
export async function startsAtOnce(gateway: Gateway, kernel: KernelName, count: number): Promise<Starts> {
  const starts = await Promise.all(Array.from({ length: count }, () => start(gateway, kernel)));
  await Promise.all(starts.map((one) => one.end()));
  return counted(starts);
}

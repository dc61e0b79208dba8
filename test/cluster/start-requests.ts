import type { KernelId, LaunchSpec } from '#libs/contracts';
import { eventually } from '../support/processes.js';
import { IMAGES } from './cluster.js';
import { type HostOfPods, MEBI, made, NAMESPACE } from './host-of-pods.js';

const LIKE = {
  command: made(IMAGES.kernel),
  limits: { cpuMilli: null, memoryBytes: null },
  requests: { cpuMilli: 50, memoryBytes: 64 * MEBI },
};
/** A pool that holds one kernel ready, and refills. */
const POOL = { name: 'python3', floor: 1, ceiling: 1, like: LIKE };
/** Longer than it takes a request under way to be in the log. */
const QUIET_MS = 500;

/** What the API server was asked for, by what for: `create pods` and such. */
export interface StartRequests {
  /** From the launch to *ready* in a pod that was made for it. */
  cold: string[];
  /** Of the same kernel, until its pod is gone. */
  end: string[];
  /** From the claim of a warm pod until the pool is full again, and the pod labelled. */
  warm: string[];
}

/** One cold start with its end, and one start from a pool, on a cluster with a node. */
export async function startRequests(pods: HostOfPods): Promise<StartRequests> {
  await pods.use();
  await pods.host.reconcile([]);
  let kernelId: KernelId | undefined;
  const cold = await asked(pods, async () => {
    kernelId = (await pods.launched(like())).kernelId;
  });
  const end = await asked(pods, async () => {
    await pods.host.stop(kernelId as KernelId, 0);
    await eventually('the pod and its secret are gone', async () => (await pods.names()).length === 0 || undefined, 60);
  });
  await pods.host.close();
  await pods.use({ pools: [POOL] });
  await pods.host.reconcile([]);
  await full(pods, 1);
  const warm = await asked(pods, async () => {
    await pods.launched(like());
    await full(pods, 2);
    await eventually('its pod says whose it is', async () => {
      const labelSelector = 'beamgate/claimed-by';
      const { items } = await pods.cluster.core.listNamespacedPod({ namespace: NAMESPACE, labelSelector });
      return items.length > 0 || undefined;
    });
  });
  if (pods.said('claiming a warm kernel').length !== 1) throw new Error('The start was not from the pool.');
  return { cold, end, warm };
}

const like = (): Partial<LaunchSpec> => LIKE;
const full = (pods: HostOfPods, times: number): Promise<unknown> =>
  eventually('a warm kernel is ready', () => pods.said('warm kernel ready')[times - 1], 90);

async function asked({ cluster }: HostOfPods, work: () => Promise<void>): Promise<string[]> {
  const before = cluster.requests().length;
  await work();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  return cluster.requests().slice(before).sort();
}

import type { V1Node, V1PodSpec } from '@kubernetes/client-node';
import type { KernelId } from '#libs/contracts';
import { execute, newKernelId } from '../conformance/host/host-under-test.js';
import { eventually, processesWith, watchEnd } from '../support/processes.js';
import { Cluster, isReady } from './cluster.js';
import { HostOfPods, MEBI, moment, NAMESPACE, TOLD_WITHIN_MS } from './host-of-pods.js';

/** A silent node counts as ready for so long; its kubelet reports every second. */
const NODE_GRACE_SECONDS = 12;

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start(NODE_GRACE_SECONDS);
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  pods = new HostOfPods(cluster);
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);
beforeEach(() => pods.use());
afterEach(() => pods.end());

/** Of the kernel, as its machine numbers it. */
const pidOf = (kernelId: KernelId): number => {
  const [pid] = processesWith(`KERNEL_ID=${kernelId}`);
  if (pid === undefined) throw new Error(`No process runs kernel ${kernelId}`);
  return pid;
};

describe('the end', () => {
  it('comes when asked for, and pod and secret go', async () => {
    const { kernelId } = await pods.launched();
    const exited = pods.facts.next(kernelId, 'exited');
    await pods.host.stop(kernelId, 2000);
    await expect(exited).resolves.toMatchObject({ agentLost: false, outOfMemory: false });
    await pods.host.reconcile([]);
    expect(await pods.names()).toEqual([]);
  });

  it('is told as out of memory within two seconds of the end of a kernel that passed its limit', async () => {
    const { kernelId, endpoint } = await pods.launched({ limits: { cpuMilli: null, memoryBytes: 160 * MEBI } });
    const exited = pods.facts.next(kernelId, 'exited');
    const told = moment(exited);
    const { ended } = await watchEnd(pidOf(kernelId));
    await expect(
      execute(endpoint, 'b = bytearray(400 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1'),
    ).rejects.toThrow();
    await expect(exited).resolves.toMatchObject({ outOfMemory: true, agentLost: false });
    expect((await told) - (await ended)).toBeLessThan(TOLD_WITHIN_MS);
  });

  it('of a crashed kernel is no end of its agent: it can be restarted', async () => {
    const { kernelId, endpoint } = await pods.launched();
    const exited = pods.facts.next(kernelId, 'exited');
    await expect(execute(endpoint, 'import os; os._exit(3)')).rejects.toThrow('the kernel ended');
    await expect(exited).resolves.toMatchObject({ code: 3, agentLost: false });
    const again = pods.facts.next(kernelId, 'ready');
    await pods.host.restart(kernelId, 1);
    await again;
    await expect(execute(endpoint, 'print(1)')).resolves.toMatchObject({ status: 'ok' });
  });

  it('is told within two seconds when somebody deletes the pod, whose secret goes with it', async () => {
    const { kernelId } = await pods.launched();
    const exited = pods.facts.next(kernelId, 'exited');
    await cluster.core.deleteNamespacedPod({ namespace: NAMESPACE, name: `kernel-${kernelId}`, gracePeriodSeconds: 0 });
    const since = Date.now();
    await exited;
    expect(Date.now() - since).toBeLessThan(TOLD_WITHIN_MS);
    const labelSelector = `beamgate/kernel=${kernelId}`;
    await eventually('its secret is gone', async () => {
      const { items } = await cluster.core.listNamespacedSecret({ namespace: NAMESPACE, labelSelector });
      return items.length === 0 || undefined;
    });
  });
});

describe('a lost node', () => {
  it('is told to its kernels within two seconds of the cluster knowing', async () => {
    const { kernelId } = await pods.launched();
    const exited = pods.facts.next(kernelId, 'exited');
    let knownAt = 0;
    const isSilent = ({ status }: V1Node) => {
      const silent = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'Unknown') === true;
      if (silent) knownAt = Date.now();
      return silent;
    };
    const known = cluster.until<V1Node>('/api/v1/nodes', cluster.nodeName, isSilent);
    await cluster.kill('kubelet');
    await known;
    try {
      await expect(exited).resolves.toMatchObject({ agentLost: true });
      expect(Date.now() - knownAt).toBeLessThan(TOLD_WITHIN_MS);
    } finally {
      await cluster.restart('kubelet');
      await cluster.until<V1Node>('/api/v1/nodes', cluster.nodeName, isReady);
    }
  });
});

describe('what nobody wants', () => {
  it('is ended by comparing labels with what ought to be, and nothing that is wanted or new', async () => {
    const kept = await pods.launched();
    const unwanted = await pods.launched();
    const left = `kernel-${newKernelId()}`;
    const { core } = cluster;
    const body = await pods.podOf(kept.kernelId);
    const labels = { ...body.metadata?.labels, 'beamgate/kernel': left.slice('kernel-'.length) };
    await core.createNamespacedSecret({ namespace: NAMESPACE, body: { metadata: { name: left, labels } } });
    // As the last answer of an earlier launcher would make it.
    const { nodeName: _, ...spec } = body.spec as V1PodSpec;
    await core.createNamespacedPod({ namespace: NAMESPACE, body: { metadata: { name: left, labels }, spec } });
    const reap = () => pods.host.reap(async (ids) => ids.filter((id) => id !== kept.kernelId));
    const exited = pods.facts.next(unwanted.kernelId, 'exited');
    await reap();
    await exited;
    expect(await pods.names()).toContain(left);
    await reap();
    await eventually(
      'only the wanted one is left',
      async () => (await pods.names()).every((name) => name === `kernel-${kept.kernelId}`) || undefined,
    );
    await expect(execute(kept.endpoint, 'print(1)')).resolves.toMatchObject({ status: 'ok' });
  });
});

describe('a later launcher', () => {
  it('adopts what is wanted, ends what is not, and tells of what is gone', async () => {
    const kept = await pods.launched();
    const orphan = await pods.launched();
    await execute(kept.endpoint, 'x = 41');
    await pods.host.close();
    await pods.use();
    const gone = newKernelId();
    const lost = pods.facts.next(gone, 'exited');
    await pods.host.reconcile([kept.kernelId, gone]);
    await pods.facts.until(kept.kernelId, 'ready');
    await expect(lost).resolves.toMatchObject({ agentLost: true });
    expect(await pods.names()).not.toContain(`kernel-${orphan.kernelId}`);
    await expect(execute(kept.endpoint, 'print(x + 1)')).resolves.toEqual({ text: '42\n', status: 'ok' });
  });

  it('hears of pods again after the API server was away', async () => {
    const before = await pods.launched();
    await cluster.kill('kube-apiserver');
    await expect(execute(before.endpoint, 'print(1)')).resolves.toMatchObject({ status: 'ok' });
    await cluster.restart('kube-apiserver');
    await pods.launched();
  });
});

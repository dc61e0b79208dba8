import type { V1ResourceQuota } from '@kubernetes/client-node';
import { newKernelId, whom } from '../conformance/host/host-under-test.js';
import { Cluster, IMAGES } from './cluster.js';
import { anImage, HostOfPods, MEBI, made, moment, NAMESPACE, TOLD_WITHIN_MS } from './host-of-pods.js';

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  pods = new HostOfPods(cluster);
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);
beforeEach(() => pods.use());
afterEach(() => pods.end());

describe('a failed launch', () => {
  it('tells of an image that does not exist, within two seconds of the cluster knowing', async () => {
    const kernelId = newKernelId();
    const known = pods.shown(kernelId, 'waiting', /^ErrImage/);
    const failed = pods.facts.next(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage({ command: made('beamgate.test/nothing:here') }));
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact).toMatchObject({ reason: 'image-pull', detail: expect.stringContaining('beamgate.test/nothing:here') });
  });

  it('tells of an image without a Python, within two seconds of the cluster knowing', async () => {
    const kernelId = newKernelId();
    const known = pods.shown(kernelId, 'terminated', /^(StartError|ContainerCannotRun)$/);
    const failed = pods.facts.next(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage({ command: made(IMAGES.pause) }));
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact.detail).toMatch(/could not be started.*python3/s);
  });

  it('tells of an image without a kernel', async () => {
    const kernelId = await pods.start({ command: made(IMAGES.agent) });
    await expect(pods.facts.next(kernelId, 'launch-failed')).resolves.toMatchObject({
      detail: expect.stringMatching(/ipykernel/),
    });
  });

  it('tells of what no node can hold, within two seconds', async () => {
    const kernelId = await pods.start({ requests: { cpuMilli: 900_000, memoryBytes: MEBI } });
    const since = Date.now();
    const fact = await pods.facts.next(kernelId, 'launch-failed');
    expect(Date.now() - since).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact).toMatchObject({ reason: 'unschedulable', detail: expect.stringMatching(/Insufficient cpu/) });
  });

  it('tells of a quota, and leaves nothing', async () => {
    const quota = { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } };
    const { core } = cluster;
    await core.createNamespacedResourceQuota({ namespace: NAMESPACE, body: quota });
    const path = `/api/v1/namespaces/${NAMESPACE}/resourcequotas`;
    await cluster.until<V1ResourceQuota>(path, 'none', ({ status }) => status?.hard !== undefined);
    try {
      const kernelId = await pods.start();
      const fact = pods.facts.of(kernelId)[0];
      expect(fact).toMatchObject({ kind: 'launch-failed', detail: expect.stringMatching(/exceeded quota/) });
      await pods.host.reconcile([]);
      expect(await pods.names()).not.toContain(`kernel-${kernelId}`);
    } finally {
      await core.deleteNamespacedResourceQuota({ namespace: NAMESPACE, name: 'none' });
    }
  });
});

import type { V1ResourceQuota } from '@kubernetes/client-node';
import { newKernelId, whom } from '../conformance/host/host-under-test.js';
import { Cluster, IMAGES } from './cluster.js';
import { anImage, HostOfPods, MEBI, made, moment, NAMESPACE, policy, TOLD_WITHIN_MS } from './host-of-pods.js';
import { makeClaim } from './volume.js';

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
    const failed = pods.facts.until(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage({ command: made('beamgate.test/nothing:here') }));
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact).toMatchObject({ reason: 'image-pull', detail: expect.stringContaining('beamgate.test/nothing:here') });
  });

  it('tells of an image without a Python, within two seconds of the cluster knowing', async () => {
    const kernelId = newKernelId();
    const known = pods.shown(kernelId, 'terminated', /^(StartError|ContainerCannotRun)$/);
    const failed = pods.facts.until(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage({ command: made(IMAGES.pause) }));
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact.detail).toMatch(/could not be started.*python3/s);
  });

  it('tells of an image without a kernel', async () => {
    const kernelId = await pods.start({ command: made(IMAGES.agent) });
    await expect(pods.facts.until(kernelId, 'launch-failed')).resolves.toMatchObject({
      detail: expect.stringMatching(/ipykernel/),
    });
  });

  it('tells of what no node can hold, within two seconds of the cluster knowing', async () => {
    const kernelId = newKernelId();
    const known = pods.warned(kernelId, 'FailedScheduling');
    const failed = pods.facts.until(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage({ requests: { cpuMilli: 900_000, memoryBytes: MEBI } }));
    await expect(failed).resolves.toMatchObject({
      reason: 'unschedulable',
      detail: 'No node can take the kernel: 0/1 nodes are available: 1 Insufficient cpu.',
    });
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
  });

  it('tells of a volume claim that there is not, within two seconds of the cluster knowing', async () => {
    await pods.end();
    await pods.use(policy({ volumes: [{ name: 'raw', claim: 'nowhere', mountPath: '/raw' }] }));
    const kernelId = newKernelId();
    const known = pods.warned(kernelId, 'FailedScheduling');
    const failed = pods.facts.until(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage());
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact.detail).toBe(`The namespace ${NAMESPACE} has no volume claim nowhere, which the kernel needs.`);
    expect(fact.reason).toBeUndefined();
  });

  it('tells of a volume that can not be mounted, within two seconds of the cluster knowing', async () => {
    await makeClaim(cluster, NAMESPACE, 'gone', '/no/such/folder');
    await pods.end();
    await pods.use(policy({ volumes: [{ name: 'raw', claim: 'gone', mountPath: '/raw' }] }));
    const kernelId = newKernelId();
    const known = pods.warned(kernelId, 'FailedMount');
    const failed = pods.facts.until(kernelId, 'launch-failed');
    const told = moment(failed);
    await pods.host.launch(kernelId, whom('ada'), anImage());
    const { detail } = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(detail).toMatch(/^A volume of the kernel could not be mounted: .*\/no\/such\/folder/);
    await pods.host.reconcile([]);
    expect(await pods.names()).toEqual([]);
  });

  it('tells of a volume that the namespace forbids', async () => {
    await pods.end();
    await pods.use(policy({ volumes: [{ name: 'raw', hostPath: '/tmp', mountPath: '/raw' }] }));
    const kernelId = await pods.start();
    expect(pods.facts.of(kernelId)).toMatchObject([
      { kind: 'launch-failed', detail: expect.stringMatching(/^The cluster refused .*PodSecurity.*hostPath/s) },
    ]);
  });

  it('tells of a namespace that there is not', async () => {
    const { place } = policy({ namespace: 'nowhere' });
    await pods.end();
    await pods.use({ place });
    const kernelId = await pods.start();
    expect(pods.facts.of(kernelId)).toMatchObject([
      { kind: 'launch-failed', detail: expect.stringMatching(/^The cluster refused .* namespace nowhere/) },
    ]);
  });

  it('tells of a quota, and leaves nothing', async () => {
    const quota = { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } };
    const { core } = cluster;
    await core.createNamespacedResourceQuota({ namespace: NAMESPACE, body: quota });
    const path = `/api/v1/namespaces/${NAMESPACE}/resourcequotas`;
    await cluster.until<V1ResourceQuota>(path, 'none', ({ status }) => status?.hard !== undefined);
    try {
      const since = Date.now();
      const kernelId = await pods.start();
      expect(Date.now() - since).toBeLessThan(TOLD_WITHIN_MS);
      expect(pods.facts.of(kernelId)).toEqual([
        {
          ...{ kind: 'launch-failed', kernelId },
          detail:
            'The quota none of the namespace scans leaves no room: the kernel asks for pods=1, pods=0 of pods=0 are used.',
        },
      ]);
      await pods.host.reconcile([]);
      expect(await pods.names()).not.toContain(`kernel-${kernelId}`);
    } finally {
      await core.deleteNamespacedResourceQuota({ namespace: NAMESPACE, name: 'none' });
    }
  });
});

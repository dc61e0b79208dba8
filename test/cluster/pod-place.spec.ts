import { SchedulingV1Api, type V1Node, type V1Pod } from '@kubernetes/client-node';
import type { KernelPlace } from '#libs/contracts';
import { Cluster, IMAGES, isReady } from './cluster.js';
import { HostOfPods, NAMESPACE, policy, TOLD_WITHIN_MS } from './host-of-pods.js';

const MODEL = 'NVIDIA-A100-SXM4-80GB';
const RESOURCE = 'example.org/a100';

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  pods = new HostOfPods(cluster);
  cluster.kubectl('label', 'node', cluster.nodeName, `nvidia.com/gpu.product=${MODEL}`);
  // As a plugin of devices would.
  const capacity = { 'nvidia.com/mig-1g.10gb': '1', [RESOURCE]: '2' };
  const patch = JSON.stringify({ status: { capacity } });
  cluster.kubectl('patch', 'node', cluster.nodeName, '--subresource=status', '--type=merge', '--patch', patch);
  await untilNode(({ status }) => status?.allocatable?.[RESOURCE] === '2');
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);
afterEach(() => pods.end());

const untilNode = (look: (node: V1Node) => boolean) => cluster.until<V1Node>('/api/v1/nodes', cluster.nodeName, look);
const use = (settings: object = {}) => pods.use(policy(settings));
const at = (changes: Partial<KernelPlace> = {}): { place: KernelPlace } => ({
  place: { node: cluster.nodeName, flavor: 'any', devices: [], gpuMilli: 0, migProfile: null, ...changes },
});

it('is the node that was chosen, and no other', async () => {
  await use();
  const { kernelId } = await pods.launched({}, at());
  expect((await pods.podOf(kernelId)).spec?.nodeName).toBe(cluster.nodeName);
  const since = Date.now();
  const elsewhere = await pods.start({}, at({ node: 'elsewhere' }));
  const { reason, detail } = await pods.facts.until(elsewhere, 'launch-failed');
  expect(Date.now() - since).toBeLessThan(TOLD_WITHIN_MS);
  expect(reason).toBe('unschedulable');
  expect(detail).toMatch(/NodeAffinity/);
});

it('has the devices that were chosen, under the names of the settings, and no more than there are', async () => {
  await use({ deviceResources: { [MODEL]: RESOURCE } });
  const both = at({ devices: [0, 1], gpuMilli: 1000 });
  const { kernelId } = await pods.launched({}, both);
  const kernel = (await pods.podOf(kernelId)).spec?.containers.find(({ name }) => name === 'kernel');
  expect(kernel?.resources?.limits).toMatchObject({ [RESOURCE]: '2' });
  const third = await pods.start({}, both);
  const { detail } = await pods.facts.until(third, 'launch-failed');
  expect(detail).toContain(`Insufficient ${RESOURCE}`);
});

it('has an instance of the MIG profile that was chosen', async () => {
  await use();
  const instance = at({ devices: [0], migProfile: '1g.10gb' });
  await pods.launched({}, instance);
  const second = await pods.start({}, instance);
  const { detail } = await pods.facts.until(second, 'launch-failed');
  expect(detail).toContain('Insufficient nvidia.com/mig-1g.10gb');
});

it('may be a node whose taint the settings bear', async () => {
  cluster.kubectl('taint', 'node', cluster.nodeName, 'beamgate.test/gpu=only:NoSchedule');
  try {
    await use();
    const kept = await pods.start({}, at());
    const { detail } = await pods.facts.until(kept, 'launch-failed');
    expect(detail).toMatch(/untolerated taint/);
    await pods.end();
    await use({ tolerations: [{ key: 'beamgate.test/gpu', value: 'only', effect: 'NoSchedule' }] });
    await pods.launched({}, at());
  } finally {
    cluster.kubectl('taint', 'node', cluster.nodeName, 'beamgate.test/gpu-');
    await untilNode(isReady);
  }
});

it('has the priority of the settings, and is told of one that there is not', async () => {
  const body = { metadata: { name: 'kernels' }, value: 7, preemptionPolicy: 'Never' };
  await cluster.config().makeApiClient(SchedulingV1Api).createPriorityClass({ body });
  await use({ priorityClass: 'kernels' });
  const { kernelId } = await pods.launched({}, at());
  expect((await pods.podOf(kernelId)).spec).toMatchObject({ priority: 7, preemptionPolicy: 'Never' });
  await pods.end();
  await use({ priorityClass: 'nothing' });
  const refused = await pods.start({}, at());
  expect(pods.facts.of(refused)).toMatchObject([{ kind: 'launch-failed', detail: expect.stringContaining('nothing') }]);
});

it('is told with what others leave of it, and its devices', async () => {
  await use();
  const all = await pods.facts.node(cluster.nodeName, ({ cpuMilli }) => cpuMilli > 0);
  expect(all).toMatchObject({ availability: 'open', gpu: { model: MODEL } });
  const body: V1Pod = {
    metadata: { name: 'stranger', namespace: NAMESPACE },
    spec: {
      nodeName: cluster.nodeName,
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10009, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          ...{ name: 'pause', image: IMAGES.pause, imagePullPolicy: 'Never' },
          resources: { requests: { cpu: '250m' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
  await cluster.core.createNamespacedPod({ namespace: NAMESPACE, body });
  await pods.facts.node(cluster.nodeName, ({ cpuMilli }) => cpuMilli === all.cpuMilli - 250);
  await cluster.core.deleteNamespacedPod({ namespace: NAMESPACE, name: 'stranger', gracePeriodSeconds: 0 });
  await pods.facts.node(cluster.nodeName, ({ cpuMilli }) => cpuMilli === all.cpuMilli);
});

import type { KernelId } from '#libs/contracts';
import { execute } from '../conformance/host/host-under-test.js';
import { eventually } from '../support/processes.js';
import { Cluster, IMAGES } from './cluster.js';
import { HostOfPods, MEBI, made, NAMESPACE, policy } from './host-of-pods.js';

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  pods = new HostOfPods(cluster);
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);
afterEach(() => pods.end());

const LIKE = {
  command: made(IMAGES.kernel),
  limits: { cpuMilli: null, memoryBytes: null },
  requests: { cpuMilli: 50, memoryBytes: 64 * MEBI },
};
beforeEach(async () => {
  await pods.use({ pools: [{ name: 'python3', floor: 1, ceiling: 1, like: LIKE }] });
  await pods.host.reconcile([]);
  await eventually('a warm kernel is ready', () => pods.said('warm kernel ready')[0], 60);
}, 90_000);

describe('a warm pod', () => {
  it('becomes a kernel while the API server is away, and a later launcher knows whose it is', async () => {
    await cluster.kill('kube-apiserver');
    let kernelId: KernelId;
    try {
      const since = performance.now();
      const kernel = await pods.launched({ env: { COLOUR: 'blue' }, workingDirectory: '/no/such/folder' });
      process.stderr.write(`claim to ready: ${Math.round(performance.now() - since)} ms\n`);
      kernelId = kernel.kernelId;
      const code =
        "import os; print(os.environ['COLOUR'], os.environ['KERNEL_USERNAME'], os.environ['KERNEL_ID']); x = 41";
      const text = `blue ada ${kernelId}\n`;
      await expect(execute(kernel.endpoint, code)).resolves.toEqual({ text, status: 'ok' });
      expect(pods.said('claiming a warm kernel')).toHaveLength(1);
    } finally {
      await cluster.restart('kube-apiserver');
    }
    await pods.host.close();
    await pods.use();
    await pods.host.reconcile([kernelId]);
    const { endpoint } = await pods.facts.until(kernelId, 'agent-up');
    await pods.facts.until(kernelId, 'ready');
    await expect(execute(endpoint, 'print(x + 1)')).resolves.toEqual({ text: '42\n', status: 'ok' });
  }, 180_000);

  it('is for one kernel, and only for one like it', async () => {
    const other = await pods.launched({ limits: { cpuMilli: null, memoryBytes: 300 * MEBI } });
    expect(pods.said('claiming a warm kernel')).toHaveLength(0);
    const [one, two] = await Promise.all([pods.launched(), pods.launched()]);
    expect(pods.said('claiming a warm kernel')).toHaveLength(1);
    const labelled = await eventually('its pod says whose it is', async () => {
      const labelSelector = 'beamgate/claimed-by';
      return (await cluster.core.listNamespacedPod({ namespace: NAMESPACE, labelSelector })).items[0];
    });
    expect([one.kernelId, two.kernelId]).toContain(labelled.metadata?.labels?.['beamgate/claimed-by']);
    expect(new Set([one, two, other].map(({ endpoint }) => endpoint.socket)).size).toBe(3);
  }, 120_000);

  it('is for who was placed on its node, without a device', async () => {
    const place = { node: cluster.nodeName, flavor: 'any', devices: [], gpuMilli: 0, migProfile: null };
    await pods.start({}, { place: { ...place, node: 'elsewhere' } });
    await pods.start({}, { place: { ...place, devices: [0], gpuMilli: 1000 } });
    expect(pods.said('claiming a warm kernel')).toHaveLength(0);
    await pods.launched({}, { place });
    expect(pods.said('claiming a warm kernel')).toHaveLength(1);
  }, 120_000);

  it('stands on the node that the gatekeeper says, and no other does', async () => {
    const all = async () => (await cluster.core.listNamespacedPod({ namespace: NAMESPACE })).items;
    const [before] = (await all()).map(({ metadata }) => metadata?.name);
    const node = cluster.nodeName;
    pods.host.keepWarm([{ environment: 'python3', spares: [{ flavor: 'any', node, count: 1 }] }]);
    await eventually('one that was placed is ready', () => pods.said('warm kernel ready')[1], 60);
    const left = await eventually('the one of before is gone', async () => {
      const items = await all();
      return items.some(({ metadata }) => metadata?.name === before) ? undefined : items;
    });
    const affinities = left.map(({ spec }) => spec?.affinity?.nodeAffinity);
    expect(affinities.map((one) => one?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms)).toEqual([
      [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
    ]);
    await pods.launched({}, { place: { node, flavor: 'any', devices: [], gpuMilli: 0, migProfile: null } });
    expect(pods.said('claiming a warm kernel')).toHaveLength(1);
  }, 120_000);

  it('is for its own project', async () => {
    await pods.end();
    const projects = { a: { uid: 2001, gid: 2000 }, b: { uid: 2002, gid: 2000 } };
    await pods.use({ ...policy({ projects }), pools: [{ name: 'python3', floor: 1, ceiling: 1, like: LIKE }] });
    await pods.host.reconcile([]);
    const readyFor = (project: string | null) => () =>
      pods.said('warm kernel ready').find((line) => line['project'] === project);
    await pods.launched({}, { project: 'a' });
    await eventually('a warm kernel of the project is ready', readyFor('a'), 60);
    await eventually('one of no project is ready', readyFor(null), 60);
    const { endpoint: other } = await pods.launched({}, { project: 'b' });
    expect(pods.said('claiming a warm kernel')).toHaveLength(0);
    const { endpoint: own } = await pods.launched({}, { project: 'a' });
    expect(pods.said('claiming a warm kernel')).toHaveLength(1);
    const code = 'import os; print(os.getuid())';
    await expect(execute(other, code)).resolves.toMatchObject({ text: '2002\n' });
    await expect(execute(own, code)).resolves.toMatchObject({ text: '2001\n' });
  }, 180_000);

  it('goes with its host', async () => {
    await pods.host.close();
    await eventually('no pod is left', async () => (await pods.names()).length === 0 || undefined);
  }, 60_000);
});

import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient, startKernel } from '../support/channel-client.js';
import { call, remove } from '../support/gateway.js';
import { eventually } from '../support/processes.js';
import { createKernel, endKernel, getKernel, inPhase, listKernels } from '../support/v1.js';
import { Cluster, IMAGES } from './cluster.js';

const NAMESPACE = 'kernels';
/** Of a project. */
const OWN_NAMESPACE = 'tomo';
const MEBI = 1024 * 1024;

let cluster: Cluster;
let beamgate: Beamgate;

const config = (compute: object = {}) => ({
  compute: {
    ...cluster.compute(NAMESPACE),
    projects: { tomo: { namespace: OWN_NAMESPACE, uid: 2001, gid: 2000 } },
    ...compute,
  },
  // Who is in two projects has to say for which a kernel is.
  auth: { groups: { all: [userInfo().username] }, projects: { tomo: ['all'], xas: ['all'] } },
  kernels: { autorestart: false },
  profiles: {
    small: {
      requests: { cpuMilli: 50, memoryBytes: 64 * MEBI },
      limits: { cpuMilli: null, memoryBytes: 300 * MEBI },
    },
    // More than the node has, and less than the service was told there is.
    huge: {
      requests: { cpuMilli: 500_000, memoryBytes: 64 * MEBI },
      limits: { cpuMilli: null, memoryBytes: null },
    },
  },
  scheduling: { cpuMilli: 1_000_000 },
});

beforeAll(async () => {
  cluster = await Cluster.start();
  for (const namespace of [NAMESPACE, OWN_NAMESPACE]) await cluster.makeNamespace(namespace);
  await cluster.allowBroker(NAMESPACE, OWN_NAMESPACE);
  beamgate = await Beamgate.start({ logName: 'cluster-service', config: config() });
}, 1_200_000);
afterAll(async () => {
  await beamgate?.stop();
  await cluster?.end();
}, 120_000);
afterEach(async () => {
  // What a failed test leaves is no failure of the next.
  for (const { id, phase } of await listKernels(beamgate)) if (phase !== 'ended') await endKernel(beamgate, id);
  await nothingLeft();
}, 180_000);

const pods = async (namespace = NAMESPACE): Promise<V1Pod[]> =>
  (await cluster.core.listNamespacedPod({ namespace })).items.filter(
    ({ metadata }) => metadata?.deletionTimestamp === undefined,
  );
/** The agent of a kernel that died stays a minute for the rest of its output. */
const LINGER_SECONDS = 60;
const nothingLeft = () =>
  eventually(
    'no pod and no secret is left',
    async () => {
      const { items } = await cluster.core.listNamespacedSecret({ namespace: NAMESPACE });
      return (await pods()).length + items.length === 0 || undefined;
    },
    LINGER_SECONDS + 60,
  );
const rest = async (id: string, path: string, method: string): Promise<number> =>
  (await call(beamgate, `/api/kernels/${id}${path}`, { method })).status;
/** A kernel as a notebook server starts and opens it. */
const opened = async () => {
  const { id } = await startKernel(beamgate, 'python3', { KERNEL_WORKING_DIR: '/home/somebody/else' });
  return { id, client: await ChannelClient.open(beamgate, id) };
};

it('starts a kernel in a pod with what its profile books, interrupts, restarts and ends it', async () => {
  const since = performance.now();
  const { id, client } = await opened();
  await expect(client.execute('x = 20 + 1\nprint(x * 2)')).resolves.toMatchObject({ text: '42\n' });
  process.stderr.write(`POST to the first result: ${Math.round(performance.now() - since)} ms\n`);
  const [pod] = await pods();
  const kernel = pod?.spec?.containers.find(({ name }) => name === 'kernel');
  expect(kernel).toMatchObject({
    image: IMAGES.kernel,
    resources: { requests: { cpu: '50m', memory: `${64 * MEBI}` }, limits: { memory: `${300 * MEBI}` } },
  });

  const looping = client.next(({ header, content }) => header['msg_type'] === 'stream' && content['text'] === 'on\n');
  const endless = client.execute("print('on', flush=True)\nwhile True: pass");
  await looping;
  expect(await rest(id, '/interrupt', 'POST')).toBe(204);
  expect((await endless).reply.content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

  expect(await rest(id, '/restart', 'POST')).toBe(200);
  expect((await client.execute('x')).reply.content).toMatchObject({ status: 'error', ename: 'NameError' });
  expect((await pods()).map(({ metadata }) => metadata?.uid)).toEqual([pod?.metadata?.uid]);

  expect(await rest(id, '', 'DELETE')).toBe(204);
  await inPhase(beamgate, id, 'ended');
}, 180_000);

it('adopts the kernel of a pod after kill -9, with its variables', async () => {
  const { id, client } = await opened();
  const secret = randomUUID();
  await client.execute(`secret = '${secret}'`);
  const [before] = await pods();
  await beamgate.kill();
  await beamgate.startAgain();
  await inPhase(beamgate, id, 'ready');
  const again = await ChannelClient.open(beamgate, id);
  await expect(again.execute('print(secret)')).resolves.toMatchObject({ text: `${secret}\n` });
  expect((await pods()).map(({ metadata }) => metadata?.uid)).toEqual([before?.metadata?.uid]);
  await again.close();
}, 180_000);

it('tells a client of a kernel that passed its memory limit', async () => {
  const { id, client } = await opened();
  const taking = client.execute('b = bytearray(600 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1');
  const content = { status: 'error', evalue: expect.stringMatching(/more memory than it may/) };
  await expect(taking).resolves.toMatchObject({ reply: { content } });
  await expect(inPhase(beamgate, id, 'ended')).resolves.toMatchObject({ endReason: 'out-of-memory' });
}, 180_000);

it('ends a kernel that no node can take, with the reason of the cluster', async () => {
  const { id } = await createKernel(beamgate, { profile: 'huge' });
  const { endReason, detail } = await inPhase(beamgate, id, 'ended');
  expect(endReason).toBe('unschedulable');
  expect(detail).toMatch(/Insufficient cpu/);
}, 180_000);

it('runs a kernel as the user of its project, in the namespace of that', async () => {
  const { id } = await createKernel(beamgate, { project: 'tomo' });
  await inPhase(beamgate, id, 'ready');
  const client = await ChannelClient.open(beamgate, id);
  await expect(client.execute('import os; print(os.getuid())')).resolves.toMatchObject({ text: '2001\n' });
  expect((await pods(OWN_NAMESPACE)).map(({ metadata }) => metadata?.name)).toEqual([`kernel-${id}`]);
  await client.close();
  await endKernel(beamgate, id);
  await eventually('its pod is gone', async () => (await pods(OWN_NAMESPACE)).length === 0 || undefined);
}, 180_000);

it('claims a warm pod for whoever comes next, beside another service in the same namespace', async () => {
  const pools = { kernelspecs: { python3: { floor: 1, ceiling: 1 } } };
  const other = await Beamgate.start({ logName: 'cluster-warm', config: { ...config({ launcher: 'other' }), pools } });
  try {
    const log = () => readFileSync(join(other.data, 'logs/beamgate.log'), 'utf8');
    await eventually('a warm kernel is ready', () => log().includes('warm kernel ready') || undefined, 60);
    const since = performance.now();
    const { id } = await startKernel(other, 'python3');
    const client = await ChannelClient.open(other, id);
    await expect(client.execute('print(6 * 7)')).resolves.toMatchObject({ text: '42\n' });
    process.stderr.write(`POST to the first result, warm: ${Math.round(performance.now() - since)} ms\n`);
    expect(log()).toContain('claiming a warm kernel');
  } finally {
    await other.stop();
  }
}, 180_000);

it.each([
  [
    'credentials that the cluster does not know',
    (known: string) => known.replace(/("token":")[^"]+/, '$1nobodys'),
    /does not accept the credentials of this service \(401/,
  ],
  [
    'an API server that is not there',
    (known: string) => known.replace(/("server":"https:\/\/[^:"]+):\d+/, '$1:6399'),
    /API server of the cluster can not be reached \(.*ECONNREFUSED/,
  ],
])(
  'tells within two seconds whose kernel waits for %s',
  async (_, change, sentence) => {
    const known = readFileSync(cluster.kubeconfig('broker'), 'utf8');
    const kubeconfig = join(mkdtempSync(join(tmpdir(), 'bg-kubeconfig-')), 'config');
    writeFileSync(kubeconfig, change(known));
    const other = await Beamgate.start({ logName: 'cluster-away', config: config({ launcher: 'away', kubeconfig }) });
    try {
      const { id } = await createKernel(other);
      const since = Date.now();
      await eventually(
        'it is told',
        async () => sentence.test((await getKernel(other, id)).wait?.text ?? '') || undefined,
      );
      expect(Date.now() - since).toBeLessThan(2000);
    } finally {
      await other.stop();
      remove(dirname(kubeconfig));
    }
  },
  60_000,
);

it('offers no environment that has no image, and nothing that is installed beside the service', async () => {
  const response = await call(beamgate, '/api/kernelspecs');
  expect(Object.keys(((await response.json()) as { kernelspecs: object }).kernelspecs)).toEqual(['python3']);
}, 60_000);

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Node, V1Pod, V1ResourceQuota } from '@kubernetes/client-node';
import {
  type KernelHost,
  type KubernetesHostOptions,
  makeKubernetesHost,
  type PodPlace,
  type PodPoolOptions,
} from '#libs/compute';
import type { ImageCommand, KernelId, LaunchSpec } from '#libs/contracts';
import { AgentStream } from '#libs/jupyter';
import { aLaunch, execute, Facts, newKernelId, whom } from '../conformance/host/host-under-test.js';
import { root } from '../support/parts.js';
import { eventually, processesWith, watchEnd } from '../support/processes.js';
import { Cluster, IMAGES, isReady } from './cluster.js';

const NAMESPACE = 'scans';
/** A silent node counts as ready for so long; its kubelet reports every second. */
const NODE_GRACE_SECONDS = 12;
const MEBI = 1024 * 1024;
/** From what the cluster knows to the fact, milliseconds. */
const TOLD_WITHIN_MS = 2000;

let cluster: Cluster;
let host: KernelHost;
let facts: Facts;
let term = 0;
let place: Partial<PodPlace>;
let pools: PodPoolOptions[] = [];
/** Lines of the log. */
let told: Record<string, unknown>[] = [];

beforeAll(async () => {
  cluster = await Cluster.start(NODE_GRACE_SECONDS);
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);

beforeEach(async () => {
  place = {};
  pools = [];
  told = [];
  await use();
});
afterEach(async () => {
  await host.reconcile([]);
  await host.close();
});

const options = (): KubernetesHostOptions => ({
  config: cluster.config('broker'),
  launcher: 'one',
  term: ++term,
  agentImage: IMAGES.agent,
  boot: readFileSync(join(root, 'agent/beamgate_agent/boot_pod.py'), 'utf8'),
  imagePullPolicy: 'IfNotPresent',
  namespace: NAMESPACE,
  place: () => ({
    node: cluster.nodeName,
    uid: 10002,
    gid: 10002,
    groups: [],
    ...place,
  }),
  pools,
  poolBudget: 4,
  ringBytes: 16 * MEBI,
  retentionSeconds: 60,
  unclaimedSeconds: 30,
  orphanSeconds: 60,
  lingerSeconds: 30,
  log: { info: (fields, message) => told.push({ message, ...fields }), warn: () => {} },
});

async function use(): Promise<void> {
  host = await makeKubernetesHost(options());
  facts = new Facts(host);
}

const made = (image: string): ImageCommand => ({ kind: 'image', image, python: 'python3' });
const anImage = (changes: Partial<LaunchSpec> = {}): LaunchSpec =>
  aLaunch('', {
    command: made(IMAGES.kernel),
    requests: { cpuMilli: 50, memoryBytes: 64 * MEBI },
    ...changes,
  });
const start = async (changes: Partial<LaunchSpec> = {}): Promise<KernelId> => {
  const kernelId = newKernelId();
  await host.launch(kernelId, whom('ada'), anImage(changes));
  return kernelId;
};
const launched = async (changes: Partial<LaunchSpec> = {}) => {
  const kernelId = await start(changes);
  await facts.until(kernelId, 'ready');
  const { endpoint } = await facts.until(kernelId, 'agent-up');
  return { kernelId, endpoint };
};
const podOf = (kernelId: KernelId) =>
  cluster.core.readNamespacedPod({ namespace: NAMESPACE, name: `kernel-${kernelId}` });
const names = async () => {
  const [pods, secrets] = await Promise.all([
    cluster.core.listNamespacedPod({ namespace: NAMESPACE }),
    cluster.core.listNamespacedSecret({ namespace: NAMESPACE }),
  ]);
  return [...pods.items, ...secrets.items].map(({ metadata }) => metadata?.name);
};

/** When it came true. */
const moment = (happening: Promise<unknown>): Promise<number> => happening.then(() => Date.now());
/** When the cluster first shows a container of the kernel's pod in such a state. */
const shown = (kernelId: KernelId, state: 'waiting' | 'terminated', reason: RegExp): Promise<number> => {
  const isIt = ({ status }: V1Pod) =>
    status?.containerStatuses?.some((one) => reason.test(one.state?.[state]?.reason ?? '')) === true;
  return moment(cluster.until<V1Pod>(`/api/v1/namespaces/${NAMESPACE}/pods`, `kernel-${kernelId}`, isIt));
};
/** Of the kernel, as its machine numbers it. */
const pidOf = (kernelId: KernelId): number => {
  const [pid] = processesWith(`KERNEL_ID=${kernelId}`);
  if (pid === undefined) throw new Error(`No process runs kernel ${kernelId}`);
  return pid;
};

describe('a launch', () => {
  it('runs code in a pod of the restricted standard, on the node that was chosen', async () => {
    const since = performance.now();
    const { kernelId, endpoint } = await launched({ env: { COLOUR: 'blue' } });
    process.stderr.write(`launch to ready: ${Math.round(performance.now() - since)} ms\n`);
    const code = "import os; print(os.environ['COLOUR'], os.environ['KERNEL_USERNAME'], os.getuid())";
    await expect(execute(endpoint, code)).resolves.toEqual({ text: 'blue ada 10002\n', status: 'ok' });
    expect((await podOf(kernelId)).spec?.nodeName).toBe(cluster.nodeName);
  });

  it('shows user code no process but its own container, and no variable of the agent', async () => {
    const { endpoint } = await launched();
    const code = [
      'import glob',
      "readable = [open(f, errors='replace').read() for f in glob.glob('/proc/[0-9]*/environ')]",
      "print(len(readable), sum('KERNEL_ID=' in text for text in readable), sum('SPEC=' in text for text in readable))",
    ].join('\n');
    // The supervisor and the kernel.
    await expect(execute(endpoint, code)).resolves.toEqual({ text: '2 1 0\n', status: 'ok' });
  });

  it('carries large messages both ways', async () => {
    const { endpoint } = await launched();
    const text = 'x'.repeat(3 * MEBI);
    const { text: printed } = await execute(endpoint, `print('${text}')`);
    expect(printed.length).toBe(text.length + 1);
  });

  it('made twice starts one kernel', async () => {
    const kernelId = newKernelId();
    const launch = anImage();
    await Promise.all([host.launch(kernelId, whom('ada'), launch), host.launch(kernelId, whom('ada'), launch)]);
    await facts.until(kernelId, 'ready');
    expect(facts.of(kernelId).filter(({ kind }) => kind === 'ready')).toHaveLength(1);
    expect(await names()).toEqual([`kernel-${kernelId}`, `kernel-${kernelId}`]);
  });

  it('refuses who has the token and not the certificate', async () => {
    const { endpoint } = await launched();
    const { endpoint: other } = await launched();
    const { socket, clientToken: token } = endpoint;
    const stream = AgentStream.connect({ socket, tls: other.tls, token, role: 'client' });
    stream.on('close', () => {});
    await expect(stream.opened()).rejects.toMatchObject({ code: 'stream_closed' });
  });
});

describe('a warm pod', () => {
  const LIKE = {
    command: made(IMAGES.kernel),
    limits: { cpuMilli: null, memoryBytes: null },
    requests: { cpuMilli: 50, memoryBytes: 64 * MEBI },
  };
  const said = (message: string) => told.filter((line) => line['message'] === message);
  beforeEach(async () => {
    await host.close();
    pools = [{ name: 'python3', floor: 1, ceiling: 1, like: LIKE }];
    await use();
    await host.reconcile([]);
    await eventually('a warm kernel is ready', () => said('warm kernel ready')[0], 60);
  }, 90_000);

  it('becomes a kernel while the API server is away, and a later launcher knows whose it is', async () => {
    await cluster.kill('kube-apiserver');
    let kernelId: KernelId;
    try {
      const since = performance.now();
      const kernel = await launched({ env: { COLOUR: 'blue' }, workingDirectory: '/no/such/folder' });
      process.stderr.write(`claim to ready: ${Math.round(performance.now() - since)} ms\n`);
      kernelId = kernel.kernelId;
      const code =
        "import os; print(os.environ['COLOUR'], os.environ['KERNEL_USERNAME'], os.environ['KERNEL_ID']); x = 41";
      const text = `blue ada ${kernelId}\n`;
      await expect(execute(kernel.endpoint, code)).resolves.toEqual({ text, status: 'ok' });
      expect(said('claiming a warm kernel')).toHaveLength(1);
    } finally {
      await cluster.restart('kube-apiserver');
    }
    await host.close();
    await use();
    await host.reconcile([kernelId]);
    const { endpoint } = await facts.until(kernelId, 'agent-up');
    await facts.until(kernelId, 'ready');
    await expect(execute(endpoint, 'print(x + 1)')).resolves.toEqual({ text: '42\n', status: 'ok' });
  }, 180_000);

  it('is for one kernel, and only for one like it', async () => {
    const other = await launched({ limits: { cpuMilli: null, memoryBytes: 300 * MEBI } });
    expect(said('claiming a warm kernel')).toHaveLength(0);
    const [one, two] = await Promise.all([launched(), launched()]);
    expect(said('claiming a warm kernel')).toHaveLength(1);
    expect(new Set([one, two, other].map(({ endpoint }) => endpoint.socket)).size).toBe(3);
  }, 120_000);

  it('goes with its host', async () => {
    await host.close();
    await eventually('no pod is left', async () => (await names()).length === 0 || undefined);
  }, 60_000);
});

describe('a failed launch', () => {
  it('tells of an image that does not exist, within two seconds of the cluster knowing', async () => {
    const kernelId = newKernelId();
    const known = shown(kernelId, 'waiting', /^ErrImage/);
    const failed = facts.next(kernelId, 'launch-failed');
    const told = moment(failed);
    await host.launch(kernelId, whom('ada'), anImage({ command: made('beamgate.test/nothing:here') }));
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact).toMatchObject({ reason: 'image-pull', detail: expect.stringContaining('beamgate.test/nothing:here') });
  });

  it('tells of an image without a Python, within two seconds of the cluster knowing', async () => {
    const kernelId = newKernelId();
    const known = shown(kernelId, 'terminated', /^(StartError|ContainerCannotRun)$/);
    const failed = facts.next(kernelId, 'launch-failed');
    const told = moment(failed);
    await host.launch(kernelId, whom('ada'), anImage({ command: made(IMAGES.pause) }));
    const fact = await failed;
    expect((await told) - (await known)).toBeLessThan(TOLD_WITHIN_MS);
    expect(fact.detail).toMatch(/could not be started.*python3/s);
  });

  it('tells of an image without a kernel', async () => {
    const kernelId = await start({ command: made(IMAGES.agent) });
    await expect(facts.next(kernelId, 'launch-failed')).resolves.toMatchObject({
      detail: expect.stringMatching(/ipykernel/),
    });
  });

  it('tells of what no node can hold, within two seconds', async () => {
    const kernelId = await start({ requests: { cpuMilli: 900_000, memoryBytes: MEBI } });
    const since = Date.now();
    const fact = await facts.next(kernelId, 'launch-failed');
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
      const kernelId = await start();
      const fact = facts.of(kernelId)[0];
      expect(fact).toMatchObject({ kind: 'launch-failed', detail: expect.stringMatching(/exceeded quota/) });
      await host.reconcile([]);
      expect(await names()).not.toContain(`kernel-${kernelId}`);
    } finally {
      await core.deleteNamespacedResourceQuota({ namespace: NAMESPACE, name: 'none' });
    }
  });
});

describe('the end', () => {
  it('comes when asked for, and pod and secret go', async () => {
    const { kernelId } = await launched();
    const exited = facts.next(kernelId, 'exited');
    await host.stop(kernelId, 2000);
    await expect(exited).resolves.toMatchObject({ agentLost: false, outOfMemory: false });
    await host.reconcile([]);
    expect(await names()).toEqual([]);
  });

  it('is told as out of memory within two seconds of the end of a kernel that passed its limit', async () => {
    const { kernelId, endpoint } = await launched({ limits: { cpuMilli: null, memoryBytes: 160 * MEBI } });
    const exited = facts.next(kernelId, 'exited');
    const told = moment(exited);
    const { ended } = await watchEnd(pidOf(kernelId));
    await expect(
      execute(endpoint, 'b = bytearray(400 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1'),
    ).rejects.toThrow();
    await expect(exited).resolves.toMatchObject({ outOfMemory: true, agentLost: false });
    expect((await told) - (await ended)).toBeLessThan(TOLD_WITHIN_MS);
  });

  it('of a crashed kernel is no end of its agent: it can be restarted', async () => {
    const { kernelId, endpoint } = await launched();
    const exited = facts.next(kernelId, 'exited');
    await expect(execute(endpoint, 'import os; os._exit(3)')).rejects.toThrow('the kernel ended');
    await expect(exited).resolves.toMatchObject({ code: 3, agentLost: false });
    const again = facts.next(kernelId, 'ready');
    await host.restart(kernelId, 1);
    await again;
    await expect(execute(endpoint, 'print(1)')).resolves.toMatchObject({ status: 'ok' });
  });

  it('is told within two seconds when somebody deletes the pod', async () => {
    const { kernelId } = await launched();
    const exited = facts.next(kernelId, 'exited');
    await cluster.core.deleteNamespacedPod({ namespace: NAMESPACE, name: `kernel-${kernelId}`, gracePeriodSeconds: 0 });
    const since = Date.now();
    await exited;
    expect(Date.now() - since).toBeLessThan(TOLD_WITHIN_MS);
  });
});

describe('a lost node', () => {
  it('is told to its kernels within two seconds of the cluster knowing', async () => {
    const { kernelId } = await launched();
    const exited = facts.next(kernelId, 'exited');
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

describe('a later launcher', () => {
  it('adopts what is wanted, ends what is not, and tells of what is gone', async () => {
    const kept = await launched();
    const orphan = await launched();
    await execute(kept.endpoint, 'x = 41');
    await host.close();
    await use();
    const gone = newKernelId();
    const lost = facts.next(gone, 'exited');
    await host.reconcile([kept.kernelId, gone]);
    await facts.until(kept.kernelId, 'ready');
    await expect(lost).resolves.toMatchObject({ agentLost: true });
    expect(await names()).not.toContain(`kernel-${orphan.kernelId}`);
    await expect(execute(kept.endpoint, 'print(x + 1)')).resolves.toEqual({ text: '42\n', status: 'ok' });
  });

  it('hears of pods again after the API server was away', async () => {
    const before = await launched();
    await cluster.kill('kube-apiserver');
    await expect(execute(before.endpoint, 'print(1)')).resolves.toMatchObject({ status: 'ok' });
    await cluster.restart('kube-apiserver');
    await launched();
  });
});

import { AgentStream } from '#libs/jupyter';
import { execute, newKernelId, whom } from '../conformance/host/host-under-test.js';
import { Cluster } from './cluster.js';
import { anImage, HostOfPods, MEBI, NAMESPACE } from './host-of-pods.js';

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

it('runs code in a pod of the restricted standard', async () => {
  const since = performance.now();
  const { endpoint } = await pods.launched({ env: { COLOUR: 'blue' } });
  process.stderr.write(`launch to ready: ${Math.round(performance.now() - since)} ms\n`);
  const code = "import os; print(os.environ['COLOUR'], os.environ['KERNEL_USERNAME'], os.getuid())";
  await expect(execute(endpoint, code)).resolves.toEqual({ text: 'blue ada 10002\n', status: 'ok' });
});

it('shows user code no process but its own container, and no variable of the agent', async () => {
  const { endpoint } = await pods.launched();
  const code = [
    'import glob',
    "readable = [open(f, errors='replace').read() for f in glob.glob('/proc/[0-9]*/environ')]",
    "print(len(readable), sum('KERNEL_ID=' in text for text in readable), sum('SPEC=' in text for text in readable))",
  ].join('\n');
  // The supervisor and the kernel.
  await expect(execute(endpoint, code)).resolves.toEqual({ text: '2 1 0\n', status: 'ok' });
});

it('carries large messages both ways', async () => {
  const { endpoint } = await pods.launched();
  const text = 'x'.repeat(3 * MEBI);
  const { text: printed } = await execute(endpoint, `print('${text}')`);
  expect(printed.length).toBe(text.length + 1);
});

it('made twice starts one kernel', async () => {
  const { host, facts } = pods;
  const kernelId = newKernelId();
  const launch = anImage();
  await Promise.all([host.launch(kernelId, whom('ada'), launch), host.launch(kernelId, whom('ada'), launch)]);
  await facts.until(kernelId, 'ready');
  expect(facts.of(kernelId).filter(({ kind }) => kind === 'ready')).toHaveLength(1);
  expect(await pods.names()).toEqual([`kernel-${kernelId}`, `kernel-${kernelId}`]);
});

it('refuses who has the token and not the certificate', async () => {
  const { endpoint } = await pods.launched();
  const { endpoint: other } = await pods.launched();
  const { socket, clientToken: token } = endpoint;
  const stream = AgentStream.connect({ socket, tls: other.tls, token, role: 'client' });
  stream.on('close', () => {});
  await expect(stream.opened()).rejects.toMatchObject({ code: 'stream_closed' });
});

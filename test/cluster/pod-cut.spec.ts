import type { KernelId } from '#libs/contracts';
import { execute, newKernelId, whom } from '../conformance/host/host-under-test.js';
import { Cluster, IMAGES } from './cluster.js';
import { anImage, HostOfPods, made, NAMESPACE } from './host-of-pods.js';

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start(40, true);
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  pods = new HostOfPods(cluster);
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);
beforeEach(() => pods.use());
afterEach(() => pods.end());

/** Kills the kubelet while the container of a kernel is being started; the runtime gives that up then. */
async function cutShort(): Promise<KernelId> {
  const { held, release } = cluster.holdStart();
  const kernelId = newKernelId();
  await pods.host.launch(kernelId, whom('ada'), anImage());
  const containerId = await held;
  await cluster.kill('kubelet');
  await cluster.untilForgotten();
  await release();
  // A kubelet that comes back before that finds a container that was made, and starts it.
  await cluster.notStarted(containerId);
  return kernelId;
}

async function untilItRuns(kernelId: KernelId): Promise<void> {
  await pods.facts.until(kernelId, 'ready');
  const { endpoint } = await pods.facts.until(kernelId, 'agent-up');
  await expect(execute(endpoint, 'print(1)')).resolves.toMatchObject({ status: 'ok' });
}

describe('a start that was cut short with its kubelet', () => {
  it('is made again by itself, once, and its kernel runs', async () => {
    const kernelId = await cutShort();
    const first = await pods.podOf(kernelId);
    await cluster.restart('kubelet');
    await untilItRuns(kernelId);
    const kinds = pods.facts.of(kernelId).map(({ kind }) => kind);
    expect(kinds.slice(0, 3)).toEqual(['launch-again', 'agent-up', 'ready']);
    expect(pods.facts.of(kernelId)[0]).toMatchObject({
      reason: expect.stringMatching(/interrupted.*context canceled/),
    });
    const second = await pods.podOf(kernelId);
    expect(second.metadata?.uid).not.toBe(first.metadata?.uid);
    expect(second.metadata?.ownerReferences).toEqual(first.metadata?.ownerReferences);
  });

  it('is made again by a launcher that came meanwhile', async () => {
    const kernelId = await cutShort();
    await pods.host.close();
    await pods.use();
    await pods.host.reconcile([kernelId]);
    // As the gatekeeper does of what has not got far.
    await pods.host.launch(kernelId, whom('ada'), anImage());
    await cluster.restart('kubelet');
    await untilItRuns(kernelId);
  });

  it('is made once though two launchers make it, and the later one has it', async () => {
    const kernelId = await cutShort();
    const slow = pods.host;
    await pods.use();
    await pods.host.reconcile([kernelId]);
    await pods.host.launch(kernelId, whom('ada'), anImage());
    await cluster.restart('kubelet');
    await untilItRuns(kernelId);
    const name = `kernel-${kernelId}`;
    expect(await pods.names()).toEqual([name, name]);
    await slow.close();
  });

  it('is not made again for a kernel that was shut down meanwhile', async () => {
    const kernelId = await cutShort();
    const again = pods.facts.next(kernelId, 'launch-again');
    const exited = pods.facts.next(kernelId, 'exited');
    await cluster.restart('kubelet');
    await again;
    await pods.host.stop(kernelId, 0);
    await expect(exited).resolves.toMatchObject({ agentLost: false });
    await pods.host.reconcile([]);
    expect(await pods.names()).toEqual([]);
  });
});

it('that failed by itself is not made again', async () => {
  const kernelId = await pods.start({ command: made(IMAGES.pause) });
  await expect(pods.facts.until(kernelId, 'launch-failed')).resolves.toMatchObject({
    detail: expect.stringMatching(/python3/),
  });
  expect(pods.facts.of(kernelId).map(({ kind }) => kind)).toEqual(['launch-failed']);
});

import type { V1ContainerState, V1Pod, V1PodStatus } from '@kubernetes/client-node';
import { agentEnded, podVerdict } from './pod-verdict.js';

const container = (name: string, state: V1ContainerState) =>
  ({ name, state, image: 'an/image:1', imageID: '', ready: false, restartCount: 0 }) as const;
const pod = (status: V1PodStatus): V1Pod => ({ status });
const running = { running: {} };
const withKernel = (state: V1ContainerState, status: V1PodStatus = {}) =>
  pod({ podIP: '10.0.0.7', ...status, containerStatuses: [container('agent', running), container('kernel', state)] });

it('is on its way until its agent runs and has an address', () => {
  expect(podVerdict(pod({ phase: 'Pending' }))).toEqual({ kind: 'on-its-way' });
  expect(podVerdict(pod({ containerStatuses: [container('agent', running)] }))).toEqual({ kind: 'on-its-way' });
  expect(podVerdict(pod({ podIP: '10.0.0.7' }))).toEqual({ kind: 'on-its-way' });
});

it('can be reached before its kernel runs', () => {
  const verdict = podVerdict(withKernel({ waiting: { reason: 'ContainerCreating' } }));
  expect(verdict).toEqual({ kind: 'running', address: '10.0.0.7' });
});

it.each(['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName'])('fails by %s', (reason) => {
  const verdict = podVerdict(withKernel({ waiting: { reason, message: 'no such host' } }));
  expect(verdict).toMatchObject({
    kind: 'failed',
    reason: 'image-pull',
    detail: expect.stringMatching(/an\/image:1.*no such host/),
  });
});

it('fails by a container that could not be started, and waits for a secret that has not come', () => {
  const state = (reason: string) => withKernel({ waiting: { reason } });
  expect(podVerdict(state('RunContainerError'))).toMatchObject({ kind: 'failed' });
  expect(podVerdict(state('CreateContainerConfigError'))).toMatchObject({ kind: 'running' });
  expect(podVerdict(withKernel({ terminated: { exitCode: 128, reason: 'StartError' } }))).toMatchObject({
    kind: 'failed',
  });
});

it('fails when no node can take it, and not while it has not been looked at', () => {
  const placed = (reason: string): V1Pod =>
    pod({ conditions: [{ type: 'PodScheduled', status: 'False', reason, message: '0/3 nodes are available.' }] });
  expect(podVerdict(placed('Unschedulable'))).toMatchObject({
    reason: 'unschedulable',
    detail: expect.stringMatching(/0\/3/),
  });
  expect(podVerdict(placed('SchedulingGated'))).toEqual({ kind: 'on-its-way' });
});

it.each([
  [
    '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available.',
    { reason: 'unschedulable', detail: 'No node can take the kernel: 0/2 nodes are available: 2 Insufficient cpu.' },
  ],
  [
    '0/2 nodes are available: persistentvolumeclaim "raw" not found. preemption: 0/2 nodes are available.',
    { detail: 'The namespace scans has no volume claim raw, which the kernel needs.' },
  ],
])('says in a sentence what the scheduler says: %s', (message, failure) => {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
  const verdict = podVerdict({ metadata: { namespace: 'scans' }, status: { conditions } });
  expect(verdict).toEqual({ kind: 'failed', ...failure });
});

it.each([
  [
    { exitCode: 137, reason: 'OOMKilled' },
    { code: null, signal: 9, outOfMemory: true },
  ],
  [
    { exitCode: 3, reason: 'Error' },
    { code: 3, signal: null, outOfMemory: false },
  ],
  [
    { exitCode: 0, signal: 15 },
    { code: null, signal: 15, outOfMemory: false },
  ],
])('reads the end of the kernel from %j', (terminated, how) => {
  expect(podVerdict(withKernel({ terminated }))).toEqual({ kind: 'ended', ...how });
});

it('tells the end of the agent from that of the kernel', () => {
  expect(agentEnded(withKernel({ terminated: { exitCode: 0 } }))).toBe(false);
  expect(agentEnded(pod({ containerStatuses: [container('agent', { terminated: { exitCode: 0 } })] }))).toBe(true);
});

it('has ended, whatever of it is known, when the pod was evicted', () => {
  const evicted = withKernel(running, { phase: 'Failed', reason: 'Evicted' });
  expect(podVerdict(evicted)).toMatchObject({ kind: 'ended', outOfMemory: false });
  expect(agentEnded(pod({ phase: 'Failed' }))).toBe(true);
});

it('fails when its node refuses the pod', () => {
  const refused = { phase: 'Failed', reason: 'SysctlForbidden', message: 'forbidden sysctl' };
  expect(podVerdict(pod(refused))).toEqual({
    kind: 'failed',
    detail: 'The node refused the pod of the kernel: forbidden sysctl',
  });
});

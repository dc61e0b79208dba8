import type { V1ContainerState, V1Pod } from '@kubernetes/client-node';
import { cutStart } from './cut-start.js';

const pod = (kernel: V1ContainerState, agent: V1ContainerState = { running: {} }): V1Pod => {
  const common = { image: 'an/image:1', imageID: '', ready: false, restartCount: 0 };
  const containerStatuses = [
    { ...common, name: 'agent', state: agent },
    { ...common, name: 'kernel', state: kernel },
  ];
  return { status: { containerStatuses } };
};
const notStarted = (reason: string, message: string) => pod({ terminated: { exitCode: 128, reason, message } });

// As containerd 1.6 and 1.7, and kubelet 1.35, say it.
const PASSING = [
  'failed to start containerd task "7c1f": context canceled: unknown',
  'failed to create containerd task: failed to create shim task: context deadline exceeded: unknown',
  'rpc error: code = Unavailable desc = transport is closing',
  'rpc error: code = Unavailable desc = error reading from server: EOF',
  'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
  'failed to create containerd task: ttrpc: closed: unknown',
  'failed to get sandbox container task: no running task found: task 9f not found: not found',
  'failed to reserve container name "kernel_kernel-a0_scans_b1_0": name "kernel_kernel-a0_scans_b1_0" is reserved for "c2"',
];
const REFUSED = [
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "python3": executable file not found in $PATH: unknown',
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/opt/python": stat /opt/python: no such file or directory: unknown',
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error mounting "/raw" to rootfs at "/raw": permission denied: unknown',
  'container has runAsNonRoot and image will run as root',
  '',
];

it.each(PASSING)('was cut short by the node: %s', (message) => {
  expect(cutStart(notStarted('StartError', message))).toBe(
    `The node was interrupted while it started the kernel: ${message}`,
  );
  expect(cutStart(pod({ waiting: { reason: 'RunContainerError', message } }))).toContain(message);
  expect(cutStart(pod({}, { waiting: { reason: 'CreateContainerError', message } }))).toContain('started the agent');
});

it.each(REFUSED)('failed by itself: %s', (message) => {
  expect(cutStart(notStarted('StartError', message))).toBeUndefined();
  expect(cutStart(pod({ waiting: { reason: 'CreateContainerError', message } }))).toBeUndefined();
});

it.each([
  'UnexpectedAdmissionError',
  'OutOfcpu',
  'OutOfnvidia.com/gpu',
  'NodeAffinity',
  'NodeShutdown',
  'Terminated',
  'Evicted',
])('was given back by the node: %s', (reason) => {
  const status = { phase: 'Failed', reason, message: 'the words of the kubelet' };
  expect(cutStart({ status })).toBe(`The node gave the pod of the kernel back: ${reason}: the words of the kubelet`);
  expect(cutStart({ status: { ...status, phase: 'Running' } })).toBeUndefined();
});

it('was not given back where the node will never take it', () => {
  expect(cutStart({ status: { phase: 'Failed', reason: 'SysctlForbidden' } })).toBeUndefined();
});

it.each([
  ['the kubelet does not know what became of it', { exitCode: 137, reason: 'ContainerStatusUnknown' }, true],
  ['it was killed', { exitCode: 137, reason: 'Error' }, true],
  ['it was told to end', { exitCode: 143, reason: 'Error' }, true],
  ['it ran out of memory, as the next would', { exitCode: 137, reason: 'OOMKilled' }, false],
  ['it ended by itself', { exitCode: 1, reason: 'Error' }, false],
])('of a container that has ended: %s', (_, terminated, isCut) => {
  expect(cutStart(pod({ terminated })) !== undefined).toBe(isCut);
  expect(cutStart(pod({ waiting: {} }, { terminated })) !== undefined).toBe(isCut);
});

it('was cut short in a pull that the runtime gave up, not by a registry that does not answer', () => {
  const pull = (message: string) => cutStart(pod({ waiting: { reason: 'ErrImagePull', message } }));
  expect(pull('rpc error: code = Unavailable desc = error reading from server: EOF')).toContain('interrupted');
  expect(pull('failed to resolve reference: dial tcp 10.0.0.1:5000: connect: connection refused')).toBeUndefined();
});

it('goes on while nothing is known', () => {
  expect(cutStart({})).toBeUndefined();
  expect(cutStart(pod({ waiting: { reason: 'ContainerCreating' } }))).toBeUndefined();
});

import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { KERNEL_CONTAINER } from './manifest.js';

/** What a pod's status says of the kernel in it. */
export type PodVerdict =
  | { kind: 'on-its-way' }
  /** Its agent may be reached there. */
  | { kind: 'running'; address: string }
  | { kind: 'failed'; reason?: 'image-pull' | 'unschedulable'; detail: string }
  | { kind: 'ended'; code: number | null; signal: number | null; outOfMemory: boolean };

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
]);
/** The container could not be made: waiting, or ended before its first instruction. */
export const START_REASONS = new Set([
  'CreateContainerError',
  'CreateContainerConfigError',
  'RunContainerError',
  'StartError',
  'ContainerCannotRun',
]);
/** A configuration that is on its way: our secret may not have reached the node yet. */
const MAY_PASS = new Set(['CreateContainerConfigError']);

/** Pure: the same status gives the same verdict, whatever was seen before. */
export function podVerdict(pod: V1Pod): PodVerdict {
  const statuses = pod.status?.containerStatuses ?? [];
  for (const status of statuses) {
    const failure = failureOf(status);
    if (failure !== undefined) return failure;
  }
  const kernel = statuses.find(({ name }) => name === KERNEL_CONTAINER);
  const ended = kernel?.state?.terminated;
  if (ended) {
    const { exitCode, reason } = ended;
    const outOfMemory = reason === 'OOMKilled';
    // A shell's way to say that a signal ended it.
    const signal = ended.signal || (exitCode > 128 ? exitCode - 128 : null);
    return { kind: 'ended', code: signal === null ? exitCode : null, signal, outOfMemory };
  }
  const { phase, reason, message } = pod.status ?? {};
  if (phase === 'Failed' && statuses.length === 0 && reason !== undefined) {
    return { kind: 'failed', detail: `The node refused the pod of the kernel: ${message || reason}` };
  }
  if (phase === 'Failed' || phase === 'Succeeded') {
    return { kind: 'ended', code: null, signal: null, outOfMemory: false };
  }
  const unplaced = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unplaced?.reason === 'Unschedulable') return unplaceable(unplaced.message ?? '', pod.metadata?.namespace);
  const agentRuns = statuses.some(({ name, state }) => name !== KERNEL_CONTAINER && state?.running);
  const address = pod.status?.podIP;
  return address !== undefined && agentRuns ? { kind: 'running', address } : { kind: 'on-its-way' };
}

/** @param message  of the scheduler */
function unplaceable(message: string, namespace = ''): PodVerdict {
  const [, claim] = /persistentvolumeclaim "([^"]+)" not found/.exec(message) ?? [];
  // No other node would do.
  if (claim !== undefined)
    return {
      kind: 'failed',
      detail: `The namespace ${namespace} has no volume claim ${claim}, which the kernel needs.`,
    };
  // The rest is about preemption, of which kernels know nothing.
  const why = message.replace(/ (no new claims to deallocate|preemption:).*$/s, '');
  return { kind: 'failed', reason: 'unschedulable', detail: `No node can take the kernel: ${why}` };
}

function failureOf({ name, image, state }: V1ContainerStatus): PodVerdict | undefined {
  const { reason = '', message = '' } = state?.waiting ?? state?.terminated ?? {};
  if (IMAGE_REASONS.has(reason)) {
    return {
      kind: 'failed',
      reason: 'image-pull',
      detail: `The image ${image} could not be had: ${message || reason}`,
    };
  }
  if (!START_REASONS.has(reason) || MAY_PASS.has(reason)) return undefined;
  return {
    kind: 'failed',
    detail: `The ${name} container of the image ${image} could not be started: ${message || reason}`,
  };
}

/** Whether the agent's container has ended, and with it what could be told of the kernel. */
export const agentEnded = (pod: V1Pod): boolean =>
  pod.status?.phase === 'Failed' ||
  pod.status?.containerStatuses?.some(({ name, state }) => name !== KERNEL_CONTAINER && state?.terminated) === true;

import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { KERNEL_CONTAINER } from './manifest.js';
import { START_REASONS } from './pod-verdict.js';

/**
 * What kubelet and runtime say of work in which they, or each other, were stopped, or that took too long. Not what a runtime
 * says of an image or a command, however its words go on.
 */
const INTERRUPTED = new RegExp(
  [
    'context canceled',
    'context deadline exceeded',
    'code = (Canceled|DeadlineExceeded|Unavailable)',
    'transport is closing',
    'error reading from server',
    'connection (refused|reset by peer)',
    'dial unix',
    'ttrpc: closed',
    'shim (exited|disconnected)',
    'sandbox .*(not found|not running|not ready|changed)',
    'no running task found',
    'is reserved for',
    'object .* not registered',
  ].join('|'),
  'i',
);
/** Said of a pull, that it was the runtime that went away, not the registry. */
const NO_RUNTIME = /context canceled|transport is closing|error reading from server|dial unix/;
/** By which a node gives back a pod that it was given: it has no room after all, knows not all of itself yet, or goes down. */
const GIVEN_BACK =
  /^(UnexpectedAdmissionError|InvalidNodeInfo|NodeAffinity|UnknownReason|OutOf.+|Preempting|Evicted|NodeShutdown|Terminated|NodeLost)$/;
/** What was in it when a kubelet came back is not known any more. */
const UNKNOWN = 'ContainerStatusUnknown';
/** Exit codes of who was killed, or told to end, by somebody else. */
const KILLED = new Set([137, 143]);

/** Whether kubelet or runtime were interrupted in what they tell of; another try may do. */
export const isInterruption = (message: string): boolean => INTERRUPTED.test(message);

/**
 * Whether the start of a kernel that has not come up was cut short by its node, so that another pod may do: nothing is wrong
 * with what was asked for. Pure.
 *
 * @returns why, as a sentence; undefined: it goes on, or has failed by itself
 */
export function cutStart(pod: V1Pod): string | undefined {
  const { phase, reason = '', message = '', containerStatuses = [] } = pod.status ?? {};
  if (phase === 'Failed' && GIVEN_BACK.test(reason)) {
    return `The node gave the pod of the kernel back: ${[reason, message].filter(Boolean).join(': ')}`;
  }
  return containerStatuses.map(cutContainer).find((cut) => cut !== undefined);
}

function cutContainer({ name, state }: V1ContainerStatus): string | undefined {
  const { reason = '', message = '' } = state?.waiting ?? state?.terminated ?? {};
  const whose = name === KERNEL_CONTAINER ? 'kernel' : 'agent';
  if (reason === UNKNOWN) return `The node lost sight of the ${whose}'s container while it started.`;
  if (START_REASONS.has(reason) || reason === 'ErrImagePull') {
    const isPassing = reason === 'ErrImagePull' ? NO_RUNTIME.test(message) : isInterruption(message);
    return isPassing ? `The node was interrupted while it started the ${whose}: ${message}` : undefined;
  }
  const ended = state?.terminated;
  if (ended === undefined || reason === 'OOMKilled' || !(KILLED.has(ended.exitCode) || ended.signal)) return undefined;
  return `The ${whose}'s container was killed while it started (${ended.signal ? `signal ${ended.signal}` : `exit code ${ended.exitCode}`}).`;
}

import type { EndReason, Kernel, LauncherFact } from '#libs/contracts';
import { signalName } from './signal-names.js';

export interface End {
  reason: EndReason;
  /** A sentence for the kernel's owner. */
  detail: string;
}

type Exit = Omit<Extract<LauncherFact, { kind: 'kernelExited' }>, 'kernelId' | 'kind'>;

/** Ends that its owner did not ask for: the kernel may be restarted under its id, and enters the queue at its old rank. */
const restartable: ReadonlySet<EndReason> = new Set([
  'crashed',
  'out-of-memory',
  'node-lost',
  'launch-failed',
  'culled',
  'reclaimed',
  'preempted',
  'reservation',
]);

export const isRestartable = (kernel: Kernel): boolean =>
  kernel.phase === 'ended' && kernel.endReason !== null && restartable.has(kernel.endReason);

/** Why a kernel that nobody asked to stop has ended. */
export function endFromExit(kernel: Kernel, { code, signal, outOfMemory, agentLost }: Exit): End {
  if (outOfMemory) return { reason: 'out-of-memory', detail: outOfMemorySentence(kernel.launch.limits.memoryBytes) };
  if (agentLost) return { reason: 'node-lost', detail: 'The kernel is gone together with the agent that watched it.' };
  if (signal !== null) return { reason: 'crashed', detail: `The kernel was ended by ${signalName(signal)}.` };
  if (code !== null) return { reason: 'crashed', detail: `The kernel exited with code ${code}.` };
  return { reason: 'crashed', detail: 'The kernel ended, and nothing tells why.' };
}

const outOfMemorySentence = (limit: number | null): string =>
  limit === null
    ? 'The kernel was ended because memory ran out.'
    : `The kernel was ended because it used more than its ${(limit / 1024 ** 3).toFixed(1)} GiB of memory.`;

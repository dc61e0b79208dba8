import type { AgentFiles, AgentSpec } from './agent-files.js';
import { removeCgroups } from './cgroups.js';
import { processesOfKernels, signalProcess } from './proc.js';

/**
 * Removes what an agent that is gone left behind. One that ended by itself took its record with it, and its kernel:
 * only after another end is there a kernel to kill and a cgroup to remove.
 */
export async function removeTraces(files: AgentFiles, { kernelId, claim }: AgentSpec): Promise<void> {
  if (await files.hasRecord(kernelId)) killKernels(claim === undefined ? [kernelId] : [kernelId, claim.warmId]);
  await files.remove(kernelId);
}

/** Kills the processes of kernels whose agents are gone, and removes their cgroups. */
export function killKernels(kernelIds: readonly string[]): void {
  for (const pid of processesOfKernels(new Set(kernelIds))) signalProcess(pid, 'SIGKILL');
  for (const kernelId of kernelIds) removeCgroups(kernelId);
}

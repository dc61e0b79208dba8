import { setTimeout as delay } from 'node:timers/promises';
import type { AgentFiles, AgentSpec } from './agent-files.js';
import { removeCgroups } from './cgroups.js';
import { processesOfKernels, signalProcess } from './proc.js';

/** A process that was killed needs a moment to leave its cgroup. */
const LEAVING = { everyMs: 20, times: 50 };

/**
 * Removes what an agent that is gone left behind. One that ended by itself took its record with it, and its kernel:
 * only after another end is there a kernel to kill. A cgroup can be there without a record too: an agent makes it first,
 * and may be killed in between.
 */
export async function removeTraces(files: AgentFiles, { kernelId, claim }: AgentSpec): Promise<void> {
  const ids = claim === undefined ? [kernelId] : [kernelId, claim.warmId];
  if (await files.hasRecord(kernelId)) killKernels(ids);
  for (let left = LEAVING.times; left > 0 && !ids.map(removeCgroups).every(Boolean); left -= 1) {
    await delay(LEAVING.everyMs, undefined, { ref: false });
  }
  await files.remove(kernelId);
}

/** Kills the processes of kernels whose agents are gone, and removes their cgroups. */
export function killKernels(kernelIds: readonly string[]): void {
  for (const pid of processesOfKernels(new Set(kernelIds))) signalProcess(pid, 'SIGKILL');
  for (const kernelId of kernelIds) removeCgroups(kernelId);
}

import type { Kernel, KernelId } from '#libs/contracts';
import type { fullCore } from '#libs/scheduling';

/** Which kernels are idle, as far as the core knows it otherwise. Told while something waits, and only then. */
export function idleEvents(core: fullCore.State, kernelOf: (id: KernelId) => Kernel | undefined): fullCore.CoreEvent[] {
  return [...core.running.values()].flatMap(({ workload: { id }, idleSince }): fullCore.CoreEvent[] => {
    const kernel = kernelOf(id as KernelId);
    const since = kernel === undefined ? null : idleSinceOf(kernel);
    if (since === idleSince) return [];
    return [since === null ? { kind: 'busy', id } : { kind: 'idle', id, since }];
  });
}

const idleSinceOf = ({ phase, executionState, lastActivityAt }: Kernel): number | null =>
  phase === 'ready' && executionState === 'idle' ? lastActivityAt : null;

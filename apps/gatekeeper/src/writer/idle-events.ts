import type { Kernel, KernelId } from '#libs/contracts';
import type { CoreEvent, CoreState } from '#libs/scheduling';

/**
 * Which kernels are idle, as far as the core knows it otherwise. Told while something waits, and only then. One that is
 * stopping gives its place up first of all: nobody is to be ended besides it.
 */
export function idleEvents(core: CoreState, kernelOf: (id: KernelId) => Kernel | undefined): CoreEvent[] {
  return [...core.running.values()].flatMap(({ id, idleSince }) => {
    const kernel = kernelOf(id);
    const since = kernel === undefined ? null : idleSinceOf(kernel);
    return since === idleSince ? [] : [{ kind: 'idle', id, since }];
  });
}

function idleSinceOf({ phase, executionState, lastActivityAt }: Kernel): number | null {
  if (phase === 'stopping') return 0;
  return phase === 'ready' && executionState === 'idle' ? lastActivityAt : null;
}

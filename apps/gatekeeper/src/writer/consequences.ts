import { type Kernel, LauncherCommands, type SchedulingConfig } from '#libs/contracts';
import { type Happening, isRestartable } from '#libs/domain';
import type { fullCore } from '#libs/scheduling';
import type { Message } from '#libs/store';
import { workloadOf } from '../scheduling/workload-of.js';

export const launchMessage = ({ id: kernelId, owner, project, launch, scheduling: { place } }: Kernel): Message => ({
  destination: 'launcher',
  pattern: LauncherCommands.launchKernel.pattern,
  payload: { kernelId, owner, project, launch, place },
});

export const stopMessage = ({ id: kernelId }: Kernel, graceSeconds: number): Message => ({
  destination: 'launcher',
  pattern: LauncherCommands.stopKernel.pattern,
  payload: { kernelId, graceMs: Math.round(graceSeconds * 1000) },
});

export const restartMessage = ({ id: kernelId, incarnation }: Kernel): Message => ({
  destination: 'launcher',
  pattern: LauncherCommands.restartKernel.pattern,
  payload: { kernelId, incarnation },
});

/** What the launcher has to do because a kernel changed; undefined where nothing. */
export function commandFor(before: Kernel, after: Kernel, happening: Happening, grace: number): Message | undefined {
  if (after.phase !== before.phase) {
    if (after.phase === 'admitted') return launchMessage(after);
    return after.phase === 'stopping' ? stopMessage(after, grace) : undefined;
  }
  if (happening.kind === 'restartAsked') return restartMessage(after);
  // It stays where it is: its agent is to start it again.
  if (happening.kind === 'kernelExited' && after.phase === 'ready') return restartMessage(after);
  // A crashed kernel that its owner ends: its agent still waits with the last output.
  return after.phase === 'ended' && happening.kind === 'stopAsked' ? stopMessage(after, grace) : undefined;
}

/** What the core has to know because a kernel changed; undefined where nothing. */
export function coreEventFor(
  before: Kernel | undefined,
  after: Kernel,
  config: SchedulingConfig | null,
): fullCore.CoreEvent | undefined {
  if (after.phase === before?.phase) return undefined;
  if (after.phase === 'queued') return { kind: 'submitted', workload: workloadOf(after, after.submittedAt, config) };
  return after.phase === 'ended' ? { kind: 'released', id: after.id } : undefined;
}

/** Whether it will never come back under its id. */
export const isGone = (kernel: Kernel): boolean => kernel.phase === 'ended' && !isRestartable(kernel);

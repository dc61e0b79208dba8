import { Conflict, type Kernel, type KernelSubmission, NotFound, type Problem } from '#libs/contracts';
import { type End, endFromExit, isRestartable } from './end-of-kernel.js';
import type { Happening } from './happening.js';

/** What a happening makes of a kernel; `unchanged` is a repeat, or news of a life that is over. */
export type Transition =
  | { outcome: 'changed'; kernel: Kernel }
  | { outcome: 'unchanged'; kernel: Kernel }
  | { outcome: 'refused'; problem: Problem };

/** A new kernel, at the end of the queue. */
export const queuedKernel = (submission: KernelSubmission, now: number): Kernel => ({
  ...submission,
  scheduling: { ...submission.scheduling, place: null, evictions: 0, warm: false },
  revision: 1,
  phase: 'queued',
  endReason: null,
  detail: '',
  executionState: 'starting',
  incarnation: 0,
  submittedAt: now,
  admittedAt: null,
  readyAt: null,
  endedAt: null,
  lastActivityAt: now,
  ending: null,
  endpoint: null,
});

/** The one place where a kernel's phase changes. Facts may come twice and late; they never bring an ended one back. */
export function transition(kernel: Kernel, happening: Happening, now: number): Transition {
  switch (happening.kind) {
    case 'admitted':
      return kernel.phase === 'queued'
        ? changed(kernel, {
            ...{ phase: 'admitted', admittedAt: now, detail: '' },
            scheduling: { ...kernel.scheduling, place: happening.place ?? null, warm: happening.warm ?? false },
          })
        : unchanged(kernel);
    case 'requeued':
      return requeued(kernel);
    case 'launchTaken':
      return kernel.phase === 'admitted' ? changed(kernel, { phase: 'launching' }) : unchanged(kernel);
    case 'agentUp':
      return agentUp(kernel, happening);
    case 'kernelReady':
      return ready(kernel, happening, now);
    case 'activity':
      return active(kernel, happening);
    case 'kernelExited':
      return exited(kernel, happening, now);
    case 'warned':
      return warned(kernel, happening);
    case 'spared':
      return kernel.ending === null ? unchanged(kernel) : changed(kernel, { ending: null });
    case 'kept':
      return kept(kernel, now);
    case 'launchFailed':
      if (!isLaunching(kernel) && kernel.phase !== 'stopping') return unchanged(kernel);
      return ended(
        kernel,
        asked(kernel) ?? { reason: happening.reason ?? 'launch-failed', detail: happening.detail },
        now,
      );
    case 'launchTimedOut':
      return isLaunching(kernel) ? stopping(kernel, tooSlow(kernel)) : unchanged(kernel);
    case 'stopAsked':
      return stopAsked(kernel, happening, now);
    case 'restartAsked':
      return restartAsked(kernel);
  }
}

/** Whether it holds a place and has not answered yet. */
export const isLaunching = ({ phase }: Kernel): boolean =>
  phase === 'admitted' || phase === 'launching' || phase === 'starting';

const changed = (kernel: Kernel, changes: Partial<Kernel>): Transition => ({
  outcome: 'changed',
  kernel: { ...kernel, ...changes, revision: kernel.revision + 1 },
});
const unchanged = (kernel: Kernel): Transition => ({ outcome: 'unchanged', kernel });
const refused = (problem: Problem): Transition => ({ outcome: 'refused', problem });

const stopping = (kernel: Kernel, { reason, detail }: End): Transition =>
  changed(kernel, { phase: 'stopping', endReason: reason, detail, ending: null });

const ended = (kernel: Kernel, { reason, detail }: End, now: number): Transition =>
  changed(kernel, {
    phase: 'ended',
    endReason: reason,
    detail,
    executionState: 'dead',
    endedAt: now,
    ending: null,
    endpoint: kernel.phase === 'stopping' || reason === 'node-lost' ? null : kernel.endpoint,
  });

/** The end that was asked for, of a kernel that is on its way there. */
const asked = ({ phase, endReason, detail }: Kernel): End | undefined =>
  phase === 'stopping' && endReason !== null ? { reason: endReason, detail } : undefined;

const tooSlow = (kernel: Kernel): End => ({
  reason: 'launch-failed',
  detail: `The kernel did not answer within ${kernel.launch.launchTimeoutSeconds} s of its admission and was stopped.`,
});

function agentUp(kernel: Kernel, { endpoint }: Extract<Happening, { kind: 'agentUp' }>): Transition {
  if (kernel.phase === 'admitted' || kernel.phase === 'launching') {
    return changed(kernel, { phase: 'starting', endpoint });
  }
  const lives = kernel.phase === 'starting' || kernel.phase === 'ready';
  const known = JSON.stringify(kernel.endpoint) === JSON.stringify(endpoint);
  return lives && !known ? changed(kernel, { endpoint }) : unchanged(kernel);
}

/** News of a process that another has replaced, or is about to. */
export const isPast = (kernel: Kernel, incarnation: number | null): boolean =>
  incarnation !== null && incarnation < kernel.incarnation;

function ready(kernel: Kernel, { incarnation }: Extract<Happening, { kind: 'kernelReady' }>, now: number): Transition {
  if (isPast(kernel, incarnation)) return unchanged(kernel);
  if (kernel.phase === 'starting') {
    return changed(kernel, { phase: 'ready', executionState: 'idle', readyAt: now, lastActivityAt: now });
  }
  return kernel.phase === 'ready' && kernel.executionState === 'restarting'
    ? changed(kernel, { executionState: 'idle', detail: '', lastActivityAt: now })
    : unchanged(kernel);
}

/** Use of any kind averts the end that was told. Until it is ready a kernel shows as starting, whatever its process does; a second start shows as restarting. */
function active(kernel: Kernel, { state, at }: Extract<Happening, { kind: 'activity' }>): Transition {
  if (kernel.phase !== 'starting' && kernel.phase !== 'ready') return unchanged(kernel);
  const shown = state === 'starting' ? 'restarting' : state;
  const executionState = kernel.phase === 'ready' ? shown : kernel.executionState;
  const lastActivityAt = Math.max(kernel.lastActivityAt, at);
  return executionState === kernel.executionState && lastActivityAt === kernel.lastActivityAt
    ? unchanged(kernel)
    : changed(kernel, { executionState, lastActivityAt, ending: isFinal(kernel) ? kernel.ending : null });
}

/** Whose place is needed may still be starting; nobody else has anything to lose before it is ready. */
function warned(kernel: Kernel, { ending }: Extract<Happening, { kind: 'warned' }>): Transition {
  const isWarned = kernel.phase === 'ready' || (isLaunching(kernel) && isFinal({ ending }));
  return isWarned ? changed(kernel, { ending }) : unchanged(kernel);
}

/** It ends though it is used. */
const isFinal = ({ ending }: Pick<Kernel, 'ending'>): boolean =>
  ending?.reason === 'preempted' || ending?.reason === 'reservation';

/** It had to give its place back, and waits for another one where it waited before. */
function requeued(kernel: Kernel): Transition {
  if (kernel.phase !== 'ended' || kernel.endReason !== 'preempted') return unchanged(kernel);
  const scheduling = { ...kernel.scheduling, place: null, evictions: kernel.scheduling.evictions + 1 };
  return changed(kernel, { ...waiting, scheduling });
}

const waiting: Partial<Kernel> = {
  ...{ phase: 'queued', endReason: null, detail: '', executionState: 'starting' },
  ...{ admittedAt: null, readyAt: null, endedAt: null, endpoint: null },
};

function kept(kernel: Kernel, now: number): Transition {
  if (kernel.phase === 'ended' || kernel.phase === 'stopping') {
    return refused(new Conflict('The kernel has ended, or is about to, and can not be kept.'));
  }
  if (isFinal(kernel)) return refused(new Conflict('Its place is needed, whatever it does: it can not be kept.'));
  return changed(kernel, { lastActivityAt: Math.max(kernel.lastActivityAt, now), ending: null });
}

const again = (kernel: Kernel, detail: string): Transition =>
  changed(kernel, { executionState: 'restarting', incarnation: kernel.incarnation + 1, detail });

/** Before its agent is up a kernel has nothing that could exit: such news is of an earlier life under the same id. */
function exited(kernel: Kernel, fact: Extract<Happening, { kind: 'kernelExited' }>, now: number): Transition {
  if (kernel.phase === 'stopping') return ended(kernel, asked(kernel) ?? endFromExit(kernel, fact), now);
  if (isPast(kernel, fact.incarnation)) return unchanged(kernel);
  if (kernel.phase === 'ready' && fact.again === true && !fact.agentLost) {
    return again(kernel, endFromExit(kernel, fact).detail);
  }
  const lives = kernel.phase === 'starting' || kernel.phase === 'ready';
  return lives ? ended(kernel, endFromExit(kernel, fact), now) : unchanged(kernel);
}

function stopAsked(kernel: Kernel, { reason, detail }: Extract<Happening, { kind: 'stopAsked' }>, now: number) {
  if (kernel.phase === 'queued') return ended(kernel, { reason, detail }, now);
  if (kernel.phase === 'stopping') return unchanged(kernel);
  if (kernel.phase !== 'ended') return stopping(kernel, { reason, detail });
  // The owner has seen that it crashed and wants it gone: it can't be restarted any more.
  return isRestartable(kernel) ? changed(kernel, { endReason: reason, endpoint: null }) : unchanged(kernel);
}

function restartAsked(kernel: Kernel): Transition {
  switch (kernel.phase) {
    case 'queued':
    case 'admitted':
    case 'launching':
      return unchanged(kernel);
    case 'starting':
    case 'ready':
      return again(isFinal(kernel) ? kernel : { ...kernel, ending: null }, '');
    case 'stopping':
      return refused(new Conflict('The kernel is being stopped and can not be restarted.'));
    case 'ended':
      return isRestartable(kernel)
        ? changed(kernel, { ...waiting, scheduling: { ...kernel.scheduling, place: null } })
        : refused(new NotFound('The kernel was shut down; start a new one.'));
  }
}

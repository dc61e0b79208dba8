import type { KernelId, WaitExplanation } from '#libs/contracts';
import { bandText } from './band-text.js';
import type { CoreState, Workload } from './core-state.js';
import { expectedStart, type Ground } from './expected-start.js';
import { atCap, type Lacking, lacking } from './fits.js';

/**
 * Why a workload waits under first come, and when it is expected to start. One that waits for an end of its user's own
 * kernels is given no time: that is for the user to say.
 */
export function explainWait(state: CoreState, id: KernelId, ground: Ground, now: number): WaitExplanation | null {
  const index = state.waiting.findIndex((workload) => workload.id === id);
  const workload = state.waiting[index];
  if (!workload) return null;
  const [position, of] = [index + 1, state.waiting.length];
  const queued = `Queued: position ${position} of ${of}.`;
  if (atCap(state, workload.user)) {
    const cap = state.limits.maxKernelsPerUser;
    const why = `${workload.user} has as many kernels as one user may have at once (${cap}); shut one down to start this one.`;
    return { position, of, reason: 'user-cap', text: `${queued} ${why}`, expectedStart: null };
  }
  const ahead = state.waiting.slice(0, index).filter(({ user }) => !atCap(state, user));
  const { reason, why } = because(state, workload, ahead);
  const start = expectedStart(state, ahead, workload, ground, now);
  const text = `${queued} ${why} Expected start: ${bandText(start, now)}.`;
  return { position, of, reason, text, expectedStart: start };
}

function because(
  state: CoreState,
  workload: Workload,
  ahead: readonly Workload[],
): { reason: WaitExplanation['reason']; why: string } {
  const own = lacking(state, workload.requests);
  if (own) return { reason: 'capacity', why: shortage(state, workload, own, ahead.length) };
  const head = ahead[0];
  const short = head && lacking(state, head.requests);
  if (!short) return { reason: 'capacity', why: 'It starts as soon as the scheduler has looked at it.' };
  const asked = short === 'memory' ? 'more memory than is free' : 'more CPU than is free';
  return {
    reason: 'behind-head',
    why: `The first in the queue needs ${asked}; this one starts ${turn(ahead.length)}.`,
  };
}

function shortage({ limits, used }: CoreState, { requests }: Workload, short: Lacking, ahead: number): string {
  const after = ahead === 0 ? '' : ` ${turn(ahead)}`;
  if (short === 'places') {
    const taken = limits.maxKernels === 1 ? 'The one kernel place is' : `All ${limits.maxKernels} kernel places are`;
    return `${taken} taken; the next free place is yours${after}.`;
  }
  const [need, free, all] =
    short === 'memory'
      ? [gib(requests.memoryBytes), gib(limits.memoryBytes - used.memoryBytes), `${gib(limits.memoryBytes)} of memory`]
      : [cpu(requests.cpuMilli), cpu(limits.cpuMilli - used.cpuMilli), `${cpu(limits.cpuMilli)} CPUs`];
  return `It needs ${need}, and ${free} of ${all} are free; it starts when enough is free${after && `,${after}`}.`;
}

const turn = (ahead: number): string => `after ${ahead} ${ahead === 1 ? 'other' : 'others'}`;
const gib = (bytes: number): string => `${(Math.max(0, bytes) / 1024 ** 3).toFixed(1)} GiB`;
const cpu = (milli: number): string => `${Math.max(0, milli) / 1000}`;

import type { KernelId, WaitExplanation } from '#libs/contracts';
import type { CoreState, Workload } from './core-state.js';
import { atCap, type Lacking, lacking } from './fits.js';

/** Why a workload waits under first come. `expectedStart` is null: the core knows no times; see `expectedStart`. */
export function explainWait(state: CoreState, id: KernelId): WaitExplanation | null {
  const index = state.waiting.findIndex((workload) => workload.id === id);
  const workload = state.waiting[index];
  if (!workload) return null;
  const [position, of] = [index + 1, state.waiting.length];
  const { reason, why } = because(state, workload, index);
  return { position, of, reason, text: `Queued: position ${position} of ${of}. ${why}`, expectedStart: null };
}

function because(
  state: CoreState,
  workload: Workload,
  index: number,
): { reason: WaitExplanation['reason']; why: string } {
  const { maxKernelsPerUser } = state.limits;
  if (atCap(state, workload.user)) {
    const why = `${workload.user} has as many kernels as one user may have at once (${maxKernelsPerUser}); shut one down to start this one.`;
    return { reason: 'user-cap', why };
  }
  const ahead = state.waiting.slice(0, index).filter(({ user }) => !atCap(state, user));
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

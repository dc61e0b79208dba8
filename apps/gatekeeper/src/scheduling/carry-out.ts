import type { Kernel, KernelId } from '#libs/contracts';
import type { fullCore } from '#libs/scheduling';
import type { Draft } from '../writer/draft.js';

/** What is decided of one kernel. */
export type KernelAction = Exclude<fullCore.CoreAction, { kind: 'warm' }>;

/** Lets what the core decided happen to its kernel. */
export function carryOut(draft: Draft, kernel: Kernel, action: KernelAction, isLocal: boolean): void {
  switch (action.kind) {
    case 'start': {
      const { gpu } = kernel.requests;
      const { node, flavor, devices, migStart } = action;
      const share = { gpuMilli: gpu && !gpu.migProfile ? gpu.milli : 0, migProfile: gpu?.migProfile ?? null };
      const mig = migStart === undefined ? {} : { migStart };
      // Where nothing is configured there is one place, and the launcher knows it.
      draft.happen(kernel, {
        kind: 'admitted',
        place: isLocal ? null : { node, flavor, devices: [...devices], ...share, ...mig },
        warm: action.warm ?? false,
      });
      return;
    }
    case 'evict': {
      if (action.how === 'reclaim') return;
      const reason = action.how === 'requeue' ? 'preempted' : 'reservation';
      draft.happen(kernel, { kind: 'warned', ending: { at: action.at, reason, detail: DETAILS[reason] } });
      return;
    }
    case 'spare':
      if (kernel.ending && kernel.ending.reason !== 'culled') draft.happen(kernel, { kind: 'spared' });
      return;
    case 'refuse':
      draft.happen(kernel, { kind: 'stopAsked', reason: 'unschedulable', detail: REFUSALS[action.because] });
  }
}

const DETAILS = {
  preempted: 'Its place is needed for work that goes before it; it waits for another one.',
  reservation: 'Its place is reserved for somebody else from now on.',
} as const;

const REFUSALS: Record<fullCore.Refusal, string> = {
  'no-queue': 'There is no such queue.',
  'no-class': 'There is no such priority class.',
  draining: 'Its queue takes nothing new at the moment.',
  'no-shape': 'What it asks for is no part of any node.',
};

/** Idle kernels whose place is needed, of these actions. */
export const wantedOf = (actions: readonly fullCore.CoreAction[]): KernelId[] =>
  actions.flatMap((one) => (one.kind === 'evict' && one.how === 'reclaim' ? [one.id as KernelId] : []));

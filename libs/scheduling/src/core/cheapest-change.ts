import type { WaitReason } from './actions.js';
import { dryRun } from './dry-run.js';
import type { Pending } from './line.js';
import type { CoreConfig, CoreEvent, QueueConfig } from './model.js';
import type { FullState } from './state.js';

/** Beyond so many workloads a dry run would hold up the scheduler. */
const MOST = 500;
/** So many kernels of others are tried, the youngest first. */
const MOST_TRIES = 5;

/**
 * What would start one now, cheapest first; each is tried by a dry run on a copy of the state.
 *
 * @returns a sentence; null where nothing that was tried does
 */
export function cheapestChange(state: FullState, { workload, group }: Pending, reason: WaitReason): string | null {
  if (state.waiting.size + state.running.size > MOST) return null;
  const starts = (events: readonly CoreEvent[]): boolean =>
    dryRun(state, events, state.now).actions.some((one) => one.kind === 'start' && one.id === workload.id);
  const { queue: name } = workload;
  const withQueue = (change: (queue: QueueConfig) => QueueConfig): CoreEvent => {
    const queues = state.config.queues.map((one) => (one.name === name ? change(one) : one));
    return { kind: 'configured', config: { ...state.config, queues } satisfies CoreConfig };
  };
  if (reason.code === 'QueueHeld') {
    if (starts([withQueue((queue) => ({ ...queue, state: 'open' }))])) return `Opening queue ${name} would start it.`;
  }
  const pool = group.ask.flavors.flatMap((flavor) => [...(state.pools.get(flavor)?.booked.values() ?? [])]);
  const byAge = pool.filter((one) => state.running.has(one.workload.id)).sort((a, b) => b.startedAt - a.startedAt);
  const own = byAge.filter((one) => one.workload.user === workload.user);
  for (const one of [...own]
    .sort((a, b) => Number(a.idleSince === null) - Number(b.idleSince === null))
    .slice(0, MOST_TRIES)) {
    if (starts([{ kind: 'released', id: one.workload.id }]))
      return `Shutting down your own kernel ${one.workload.id} would start it.`;
  }
  if (reason.code === 'UserCap') {
    const { of, axis, limit } = reason;
    const raised =
      axis === 'workloads'
        ? limit + 1
        : limit + (group.ask.amounts[['gpuMilli', 'cpuMilli', 'memoryBytes'].indexOf(axis)] ?? 0);
    const change = withQueue((queue) => ({
      ...queue,
      caps: { ...queue.caps, [of]: { ...queue.caps[of], [axis]: raised } },
    }));
    if (starts([change])) return `A cap of ${raised} ${axis} for each ${of} of queue ${name} would start it.`;
  }
  if (reason.code === 'QuotaWait') {
    const { flavor, axis, missing } = reason;
    const change = withQueue((queue) => {
      const quota = queue.quotas[flavor]?.[axis] ?? { nominal: 0, borrowLimit: 0, lendLimit: null };
      const more = { ...quota, nominal: quota.nominal + missing };
      return { ...queue, quotas: { ...queue.quotas, [flavor]: { ...queue.quotas[flavor], [axis]: more } } };
    });
    if (starts([change])) return `${missing} more ${axis} of ${flavor} for queue ${name} would start it.`;
  }
  for (const one of byAge.filter(({ idleSince }) => idleSince !== null).slice(0, MOST_TRIES)) {
    if (starts([{ kind: 'released', id: one.workload.id }]))
      return `The end of an idle kernel of ${one.workload.user} would start it.`;
  }
  for (const one of byAge.slice(0, MOST_TRIES)) {
    if (starts([{ kind: 'released', id: one.workload.id }]))
      return `The end of a kernel of ${one.workload.user} would start it.`;
  }
  return null;
}

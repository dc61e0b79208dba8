import type { ForecastEntry, KernelId, SchedulingConfig, SchedulingForecast } from '#libs/contracts';
import { fullCore } from '#libs/scheduling';
import { idleEvents } from '../writer/idle-events.js';
import type { Known } from '../writer/known.js';

const NO_GROUND = { heldMs: [], since: () => null };

/** What the core would decide next under another configuration, found on a copy of what it knows. */
export function forecast(known: Known, config: SchedulingConfig, now: number): SchedulingForecast {
  const { core, events } = known.rebuilt(config);
  core.shares.inherit(known.core.shares, now);
  const running = events.filter(({ kind }) => kind !== 'submitted');
  fullCore.step(core, running, now);
  const idle = idleEvents(core, (id) => known.kernels.get(id));
  const { actions } = fullCore.step(core, [...idle, ...events.filter(({ kind }) => kind === 'submitted')], now);
  const entry = (id: string, text: string): ForecastEntry[] => {
    const kernel = known.kernels.get(id as KernelId);
    const queue = core.running.get(id)?.workload.queue ?? core.waiting.get(id)?.workload.queue ?? '';
    return kernel ? [{ id: kernel.id, owner: kernel.owner, queue, priorityClass: kernel.priorityClass, text }] : [];
  };
  const evicted = (isIdle: boolean): ForecastEntry[] =>
    actions.flatMap((one) =>
      one.kind === 'evict' && (one.how === 'reclaim') === isIdle
        ? entry(one.id, `Would go at ${new Date(one.at).toISOString()} for ${one.for}.`)
        : [],
    );
  return {
    starts: actions.flatMap((one) =>
      one.kind === 'start' ? entry(one.id, `Would start on ${one.node}, of ${one.flavor}.`) : [],
    ),
    waits: [...core.waiting.workloads()].flatMap(({ id }) => {
      const why = fullCore.waitExplanation(core, id as KernelId, NO_GROUND, now, null);
      return why ? entry(id, why.text) : [];
    }),
    reclaims: evicted(true),
    evicts: evicted(false),
  };
}

import { type KernelId, RESOURCES, type SchedulingState } from '#libs/contracts';
import { fullCore } from '#libs/scheduling';
import type { Known } from '../writer/known.js';

const UNBOUNDED = 2 ** 50;

/** What the core knows, for people who look after it. */
export function stateOf({ core, kernels, held }: Known, now: number): SchedulingState {
  const running = [...core.running.values()];
  const amounts = (row: readonly number[]) => {
    const [gpuMilli = 0, cpuMilli = 0, memoryBytes = 0] = row;
    return { gpuMilli, cpuMilli, memoryBytes };
  };
  const ground = { heldMs: held.all, since: (id: KernelId) => kernels.get(id)?.admittedAt ?? null };
  return {
    queues: core.config.queues.map(({ name, parent, state, weight, quotas }) => ({
      ...{ name, cohort: parent, state, weight, waiting: core.waiting.lines.get(name)?.size ?? 0 },
      running: running.filter(({ workload }) => workload.queue === name).length,
      usage: core.config.flavors.flatMap((flavor, at) =>
        RESOURCES.flatMap((resource, axis) => {
          const used = core.ledger.allocated(name)[at * RESOURCES.length + axis] ?? 0;
          const own = quotas[flavor]?.[resource]?.nominal ?? 0;
          if (used === 0 && (own === 0 || own >= UNBOUNDED)) return [];
          return [{ flavor, resource, used, nominal: own >= UNBOUNDED ? null : own }];
        }),
      ),
    })),
    flavors: core.config.flavors.map((name) => {
      const pool = core.pools.get(name);
      const booked = [...(pool?.booked.values() ?? [])];
      const free = (pool?.total ?? []).map((all, axis) =>
        booked.reduce((left, one) => left - (one.amounts[axis] as number), all),
      );
      return { name, nodes: pool?.nodes.size ?? 0, capacity: amounts(pool?.total ?? []), free: amounts(free) };
    }),
    workloads: [...kernels.values()].flatMap((kernel): SchedulingState['workloads'] => {
      const { id, owner, project, instrument, priorityClass, requests, submittedAt } = kernel;
      const holds = core.running.get(id);
      const workload = holds?.workload ?? core.waiting.get(id)?.workload;
      if (!workload) return [];
      const phase = holds ? (holds.leaving ? 'leaving' : 'running') : 'waiting';
      return [
        {
          ...{ id, owner, project, instrument, queue: workload.queue },
          ...{ priorityClass, phase, requests, submittedAt },
          ...{
            flavor: holds?.flavor ?? null,
            node: kernel.scheduling.place?.node ?? null,
            startedAt: holds?.startedAt ?? null,
          },
          wait: holds ? null : fullCore.waitExplanation(core, id, ground, now, null),
        },
      ];
    }),
  };
}

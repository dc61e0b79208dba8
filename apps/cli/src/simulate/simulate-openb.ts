import {
  bestFitPolicy,
  fgdPolicy,
  type Level,
  openbArrivals,
  openbNodes,
  openbTasks,
  type PlacementPolicy,
  rankedGradientPolicy,
  replayOpenb,
  type ShapeRequest,
  shapeOf,
} from '#libs/scheduling';
import { readAs } from './read-text.js';
import type { Simulation } from './simulation.js';

export interface OpenbSimulation {
  readonly trace: string;
  readonly nodes: string;
  readonly policy: string;
  readonly seed: number;
  /** A file with the order of arrival, JSON; takes the place of the seed. */
  readonly arrivals?: string;
  /** Which one, where the file holds several. */
  readonly arrivalsRow: number;
}

const policies: Record<string, () => PlacementPolicy> = {
  'best-fit': () => bestFitPolicy,
  fgd: () => fgdPolicy,
  beamgate: () => rankedGradientPolicy(),
};
export const OPENB_POLICIES = Object.keys(policies);
const SECOND = 1_000;

/** @throws Error that names the file, and the line where a list has a fault */
export function simulateOpenb(simulation: OpenbSimulation): Simulation {
  const { trace, nodes: nodeFile, policy: name, seed } = simulation;
  const chosen = policies[name];
  if (!chosen) throw new Error(`--policy ${name}: of openb lists one of ${OPENB_POLICIES.join(', ')}`);
  const nodes = readAs(nodeFile, (text) => some('nodes', openbNodes(text)));
  const tasks = readAs(trace, (text) => {
    const read = some('tasks', openbTasks(text));
    for (const task of read) shapeOf(task);
    return read;
  });
  const capacity = nodes.reduce((sum, { gpu }) => sum + (gpu?.devices.length ?? 0) * SECOND, 0);
  if (capacity === 0) throw new Error(`${nodeFile}: holds no node with a GPU`);
  const arrivals = simulation.arrivals
    ? readAs(simulation.arrivals, (text) => orderOf(text, simulation.arrivalsRow, tasks.length))
    : openbArrivals(tasks, capacity, seed);
  const result = replayOpenb({ nodes, tasks, arrivals, policy: chosen() });
  const metrics = {
    nodes: nodes.length,
    arrivals: arrivals.length,
    capacityMilli: result.capacityMilli,
    arrivedMilli: result.arrivedMilli,
    allocatedMilli: result.allocatedMilli,
    allocationPercent: result.allocation,
    failed: result.failed,
    failedNever: result.failedBy.never,
    failedSum: result.failedBy.sum,
    failedFragmentation: result.failedBy.fragmentation,
    unallocatedModelMilli: result.unallocatedMilli.model,
    unallocatedCpuMilli: result.unallocatedMilli.cpu,
    unallocatedGpuMilli: result.unallocatedMilli.gpu,
    unallocatedUsableMilli: result.unallocatedMilli.usable,
  };
  const order = simulation.arrivals ? { arrivals: simulation.arrivals, row: simulation.arrivalsRow } : { seed };
  const allocated = levels(arrivals, tasks, result.placements);
  return {
    metrics,
    details: {
      curve: result.curve,
      placements: result.placements.map((placement, index) => ({
        task: tasks[arrivals[index] as number]?.name,
        placement,
      })),
    },
    report: {
      title: `${trace} under ${name}`,
      parameters: { trace, nodes: nodeFile, policy: name, ...order, time: 'one arrival a second, nothing departs' },
      figures: metrics,
      from: 0,
      to: arrivals.length * SECOND,
      capacity,
      allocated,
      unallocated: { free: allocated.map(({ at, amount }) => ({ at, amount: capacity - amount })) },
      waits: {},
    },
  };
}

function some<T>(what: string, list: readonly T[]): readonly T[] {
  if (list.length === 0) throw new Error(`holds no ${what}`);
  return list;
}

/** An order of arrival: a list of indexes of tasks, or a list of such lists. */
function orderOf(text: string, row: number, tasks: number): number[] {
  const value: unknown = JSON.parse(text);
  const order = Array.isArray(value) && Array.isArray(value[0]) ? value[row] : value;
  if (!Array.isArray(order)) throw new Error(`holds no list of indexes in row ${row}`);
  const wrong = order.find((index) => !(Number.isInteger(index) && index >= 0 && index < tasks));
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)} is the index of none of ${tasks} tasks`);
  return order;
}

function levels(arrivals: readonly number[], tasks: readonly ShapeRequest[], placements: readonly unknown[]): Level[] {
  let amount = 0;
  return placements.map((placement, index) => {
    const { gpuCount, gpuMilli } = tasks[arrivals[index] as number] as ShapeRequest;
    if (placement !== null) amount += gpuCount * gpuMilli;
    return { at: index * SECOND, amount };
  });
}

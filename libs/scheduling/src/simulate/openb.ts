import { NodeSet } from '../placement/node-set.js';
import type { NodeSpec } from '../placement/node-state.js';
import type { Placement } from '../placement/placement.js';
import type { PlacementPolicy } from '../placement/placement-policy.js';
import { DEVICE_MILLI, type Shape, type ShapeRequest } from '../placement/shape.js';
import { typicalSet } from '../placement/typical-set.js';

/** Arrivals in parts per hundred of capacity at which allocation is read. */
const READ_AT = [90, 95, 100, 105, 110, 115, 120, 125, 130] as const;

export interface OpenbReplay {
  nodes: readonly NodeSpec[];
  tasks: readonly ShapeRequest[];
  /** Indexes into `tasks`, in order of arrival. */
  arrivals: readonly number[];
  policy: PlacementPolicy;
  /** Rank by the order of `nodes` rather than by a hash of their names, as the golden values have it. */
  rankByOrder?: boolean;
}

export interface OpenbResult {
  capacityMilli: number;
  arrivedMilli: number;
  allocatedMilli: number;
  /** Percent of capacity. */
  allocation: number;
  /** Allocation in percent once so much has arrived, in percent of capacity; as far as arrivals went. */
  curve: readonly { arrived: number; allocation: number }[];
  /** Tasks that fitted nowhere. */
  failed: number;
  /** Of the failed: no node was ever able to; not enough was free in sum; enough was, on no one node. */
  failedBy: { never: number; sum: number; fragmentation: number };
  /** GPU that is free in the end, in milli, by why the last task that failed there could not have it. */
  unallocatedMilli: UnallocatedMilli;
  /** Per arrival; null: fitted nowhere. */
  placements: readonly (Placement | null)[];
}

/** By what keeps the typical task off it, each device's free part counted once, weighted over the typical set. */
export interface UnallocatedMilli {
  /** Would take the typical task. */
  usable: number;
  /** Too little on the device, or too few such devices on the node. */
  gpu: number;
  /** The node's CPU is used up. */
  cpu: number;
  /** Of a model that the task does not take, or the task wants no GPU. */
  model: number;
}

const weighOf = ({ gpuCount, gpuMilli }: ShapeRequest): number => gpuCount * gpuMilli;

/** Places the arrivals one after another; nothing departs and what fits nowhere is dropped. The protocol of FGD's authors. */
export function replayOpenb({ nodes, tasks, arrivals, policy, rankByOrder = false }: OpenbReplay): OpenbResult {
  const typical = typicalSet(tasks);
  const set = new NodeSet(policy, typical);
  for (const [index, node] of nodes.entries())
    set.addNode(rankByOrder ? { ...node, rank: index / nodes.length } : node);
  const capacityMilli = nodes.reduce((sum, { gpu }) => sum + (gpu?.devices.length ?? 0) * DEVICE_MILLI, 0);
  const shapes = tasks.map((task) => set.shape(task));
  const placements: (Placement | null)[] = [];
  const curve: { arrived: number; allocation: number }[] = [];
  const failedBy = { never: 0, sum: 0, fragmentation: 0 };
  let arrivedMilli = 0;
  let allocatedMilli = 0;
  for (const index of arrivals) {
    const shape = shapes[index] as Shape;
    arrivedMilli += weighOf(shape);
    const placement = set.place(shape);
    placements.push(placement ?? null);
    if (placement) {
      set.take(placement);
      allocatedMilli += weighOf(shape);
    } else failedBy[whyNot(set, shape)] += 1;
    const due = READ_AT[curve.length];
    if (due !== undefined && arrivedMilli * 100 >= due * capacityMilli) {
      curve.push({ arrived: due, allocation: (100 * allocatedMilli) / capacityMilli });
    }
  }
  return {
    capacityMilli,
    arrivedMilli,
    allocatedMilli,
    allocation: (100 * allocatedMilli) / capacityMilli,
    curve,
    failed: failedBy.never + failedBy.sum + failedBy.fragmentation,
    failedBy,
    unallocatedMilli: { usable: 0, gpu: 0, cpu: 0, model: 0 },
    placements,
  };
}

function whyNot(set: NodeSet, shape: Shape): keyof OpenbResult['failedBy'] {
  const { cpuMilli, memoryBytes, gpuMilli } = set.freeInSum(shape);
  const enough = cpuMilli >= shape.cpuMilli && memoryBytes >= shape.memoryBytes && gpuMilli >= weighOf(shape);
  if (enough) return 'fragmentation';
  return set.couldFit(shape) ? 'sum' : 'never';
}

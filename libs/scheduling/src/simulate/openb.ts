import { NodeSet } from '../placement/node-set.js';
import type { NodeSpec } from '../placement/node-state.js';
import type { Placement } from '../placement/placement.js';
import type { PlacementPolicy } from '../placement/placement-policy.js';
import { DEVICE_MILLI, type Shape, type ShapeRequest } from '../placement/shape.js';
import { typicalSet } from '../placement/typical-set.js';
import { type UnallocatedMilli, unallocated } from './unallocated.js';

/** Arrivals in percent of capacity at which allocation is read. */
const READ_AT = [90, 95, 100, 105, 110, 115, 120, 125, 130] as const;

export interface OpenbReplay {
  nodes: readonly NodeSpec[];
  tasks: readonly ShapeRequest[];
  /** Indexes into `tasks`, in order of arrival. */
  arrivals: readonly number[];
  policy: PlacementPolicy;
  /** Ranks nodes by their order rather than by their names, as the golden values have it. */
  rankByOrder?: boolean;
}

export interface OpenbResult {
  capacityMilli: number;
  arrivedMilli: number;
  allocatedMilli: number;
  /** Percent of capacity. */
  allocation: number;
  /** Both in percent of capacity: what was allocated once so much had arrived, as far as arrivals went. */
  curve: readonly { arrived: number; allocation: number }[];
  /** Tasks that fitted nowhere. */
  failed: number;
  /** Of the failed: no node could ever have taken it; not enough was free in sum; enough was, on no one node. */
  failedBy: Readonly<Record<'never' | 'sum' | 'fragmentation', number>>;
  unallocatedMilli: UnallocatedMilli;
  /** Per arrival; null: fitted nowhere. */
  placements: readonly (Placement | null)[];
}

const gpuOf = ({ gpuCount, gpuMilli }: ShapeRequest): number => gpuCount * gpuMilli;

/**
 * Places the arrivals one after another; nothing departs, and what fits nowhere is dropped.
 *
 * @throws RangeError where an arrival is no task, or a task's request is none
 * @see Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 6
 */
export function replayOpenb({ nodes, tasks, arrivals, policy, rankByOrder = false }: OpenbReplay): OpenbResult {
  const typical = typicalSet(tasks);
  const set = new NodeSet(policy, typical);
  for (const [row, node] of nodes.entries()) set.addNode(rankByOrder ? { ...node, rank: row / nodes.length } : node);
  const capacityMilli = nodes.reduce((sum, { gpu }) => sum + (gpu?.devices.length ?? 0) * DEVICE_MILLI, 0);
  const shapes = tasks.map((task) => set.shape(task));
  const placements: (Placement | null)[] = [];
  const curve: { arrived: number; allocation: number }[] = [];
  const failedBy = { never: 0, sum: 0, fragmentation: 0 };
  let arrivedMilli = 0;
  let allocatedMilli = 0;
  const percent = (milli: number): number => (100 * milli) / capacityMilli;
  const reached = (): number => READ_AT.findLastIndex((due) => arrivedMilli * 100 >= due * capacityMilli);
  for (const index of arrivals) {
    const shape = shapes[index];
    if (!shape) throw new RangeError(`No task ${index}`);
    arrivedMilli += gpuOf(shape);
    const placement = set.place(shape) ?? null;
    placements.push(placement);
    if (placement) {
      set.take(placement);
      allocatedMilli += gpuOf(shape);
    } else failedBy[whyNot(set, shape)] += 1;
    for (const arrived of READ_AT.slice(curve.length, reached() + 1)) {
      curve.push({ arrived, allocation: percent(allocatedMilli) });
    }
  }
  return {
    capacityMilli,
    arrivedMilli,
    allocatedMilli,
    allocation: percent(allocatedMilli),
    curve,
    failed: failedBy.never + failedBy.sum + failedBy.fragmentation,
    failedBy,
    unallocatedMilli: unallocated(set.all(), typical),
    placements,
  };
}

function whyNot(set: NodeSet, shape: Shape): keyof OpenbResult['failedBy'] {
  const { cpuMilli, memoryBytes, gpuMilli } = set.freeInSum(shape);
  const enough = cpuMilli >= shape.cpuMilli && memoryBytes >= shape.memoryBytes && gpuMilli >= gpuOf(shape);
  if (enough) return 'fragmentation';
  return set.couldFit(shape) ? 'sum' : 'never';
}

import type { Fragmentation } from './fragmentation.js';
import { gradient } from './gradient.js';
import type { NodeState } from './node-state.js';
import type { PlacementPolicy } from './placement-policy.js';
import { DEVICE_MILLI, type Shape } from './shape.js';

/** Outweighs every gradient: work without a GPU leaves the nodes that have some. */
const CPU_NODE_FIRST = 1_000;

/** All in devices of gradient. */
export interface RankedGradient {
  /** What the whole way from the first to the last node weighs. */
  lambda: number;
  /** What a device weighs that is left without CPU; 0: not looked at. */
  starved: number;
  /** What a device weighs that is expected to be left over in crumbs; 0: not looked at. */
  leftover: number;
}

/**
 * Ours: the gradient itself, unrounded, with three terms beside it. The rank of the node, which fills nodes one after
 * another and leaves whole ones free; the devices that the placement leaves without the CPU that typical work would want
 * beside them, and the crumbs that a device is expected to end in, both of which fragmentation sees only once it is too
 * late. ADR 13 has the measurements.
 */
export function rankedGradientPolicy(
  weights: RankedGradient = { lambda: 2, starved: 1, leftover: 1 },
): PlacementPolicy {
  const { lambda, starved, leftover } = weights;
  return {
    name: 'ranked-gradient',
    choose(node, shape, fragmentation, choice) {
      const left = fragmentation.leftover;
      const crumbs = leftover / DEVICE_MILLI;
      gradient(node, shape, fragmentation, choice, (devices, before, after) =>
        crumbs > 0 ? devices + crumbs * ((left[before] as number) - (left[after] as number)) : devices,
      );
      choice.score -= lambda * node.rank;
      if (starved > 0) choice.score -= starved * newlyStarved(node, shape, fragmentation);
      if (shape.kind === 'cpu' && node.free.length === 0) choice.score += CPU_NODE_FIRST;
    },
  };
}

/** How many more devices the node could not feed with CPU once the shape is placed; negative: fewer. */
function newlyStarved(node: NodeState, shape: Shape, { cpuPerDevice }: Fragmentation): number {
  if (cpuPerDevice === 0) return 0;
  const unfed = (gpuFree: number, cpuFree: number): number =>
    Math.max(0, gpuFree / DEVICE_MILLI - cpuFree / cpuPerDevice);
  const gpuMilli = node.gpuMilliOf(shape);
  return unfed(node.gpuFree - gpuMilli, node.cpuFree - shape.cpuMilli) - unfed(node.gpuFree, node.cpuFree);
}

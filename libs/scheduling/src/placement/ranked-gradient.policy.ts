import { gradient } from './gradient.js';
import type { PlacementPolicy } from './placement-policy.js';

/** Outweighs every gradient: work without a GPU leaves the nodes that have some. */
const CPU_NODE_FIRST = 1_000;

/**
 * Ours: the gradient itself, unrounded, less a bias by the rank of the node, which fills nodes one after another and
 * leaves whole ones free. ADR 13 has the measurements.
 *
 * @param lambda devices of gradient that the whole way from the first to the last node weighs
 */
export function rankedGradientPolicy(lambda = 2): PlacementPolicy {
  return {
    name: 'ranked-gradient',
    choose(node, shape, fragmentation, choice) {
      gradient(node, shape, fragmentation, choice, same);
      choice.score -= lambda * node.rank;
      if (shape.kind === 'cpu' && node.free.length === 0) choice.score += CPU_NODE_FIRST;
    },
  };
}

const same = (devices: number): number => devices;

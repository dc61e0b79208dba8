import { gradient } from './gradient.js';
import type { PlacementPolicy } from './placement-policy.js';

/**
 * Fragmentation gradient descent as published: the gradient through a sigmoid, in 100 steps, so that many nodes tie and
 * the first of them wins, on which its result rests.
 *
 * @see Weng et al., "Beware of Fragmentation", USENIX ATC 2023; hkust-adsl/kubernetes-scheduler-simulator, fgd_score.go
 */
export const fgdPolicy: PlacementPolicy = {
  name: 'fgd',
  choose: (node, shape, fragmentation, choice) => gradient(node, shape, fragmentation, choice, rounded),
};

const rounded = (devices: number): number => Math.trunc(100 / (1 + Math.exp(-devices)));

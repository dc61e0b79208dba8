import type { Fragmentation } from './fragmentation.js';
import type { NodeState } from './node-state.js';
import type { Shape } from './shape.js';

/** How a shape would best lie on one node. One object is filled again and again. */
export interface Choice {
  /** Higher is better; compared between nodes, equal ones go to the node that was added first. */
  score: number;
  /** The device of a share or of a MIG instance; -1: not a choice, whole devices are taken lowest index first. */
  device: number;
  /** Where the MIG instance begins. */
  start: number;
}

/** Which node a shape goes to: the replaceable part of placement. */
export interface PlacementPolicy {
  readonly name: string;
  /** Fills `choice` for a node that the shape fits. A function of its arguments alone; leaves the node as it was. */
  choose(node: NodeState, shape: Shape, fragmentation: Fragmentation, choice: Choice): void;
}

/** The node of what runs, but nobody knows where: it is held of the sum, and of no node. */
export const NO_NODE = '';

/** Where a task lies and what it holds there. Plain data: survives JSON. */
export interface Placement {
  /** Its id, or `NO_NODE`. */
  node: string;
  cpuMilli: number;
  memoryBytes: number;
  /** Device indexes, ascending; empty: no GPU. */
  devices: readonly number[];
  /** Held of each of the devices; 0 for a MIG instance. */
  gpuMilli: number;
  /** Of the node's places for workloads; absent: 1. */
  places?: number;
  /** The instance on the one device. */
  mig?: { profile: string; start: number };
}

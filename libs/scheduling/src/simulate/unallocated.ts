import type { NodeState } from '../placement/node-state.js';
import type { TypicalSet } from '../placement/typical-set.js';

/** Free GPU in milli by what keeps typical GPU work off it, the mean over that work. The parts add up to what is free. */
export interface UnallocatedMilli {
  /** Of a model that the work does not take. */
  model: number;
  /** The node has not the CPU beside it. */
  cpu: number;
  /** The device has too little left, or the node too few such devices. */
  gpu: number;
  /** Nothing: the work would fit there. */
  usable: number;
}

/** Memory is left out, as it is from the typical set; so are devices in MIG instances. */
export function unallocated(nodes: Iterable<NodeState>, typical: TypicalSet): UnallocatedMilli {
  const work = typical.filter(({ gpuCount, migProfile }) => gpuCount > 0 && migProfile === undefined);
  const all = work.reduce((sum, { count }) => sum + count, 0);
  const by: UnallocatedMilli = { model: 0, cpu: 0, gpu: 0, usable: 0 };
  for (const { model, cpuFree, gpuFree, free } of nodes) {
    if (gpuFree === 0) continue;
    for (const { cpuMilli, gpuCount, gpuMilli, gpuModels = [], count } of work) {
      const weight = count / all;
      if (gpuModels.length > 0 && !gpuModels.includes(model ?? '')) by.model += weight * gpuFree;
      else if (cpuMilli > cpuFree) by.cpu += weight * gpuFree;
      else {
        const large = free.filter((milli) => milli >= gpuMilli);
        const usable = large.length >= gpuCount ? large.reduce((sum, milli) => sum + milli, 0) : 0;
        by.usable += weight * usable;
        by.gpu += weight * (gpuFree - usable);
      }
    }
  }
  return by;
}

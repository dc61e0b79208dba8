import type { Amounts } from '../backfill/amounts.js';
import { MIG_SLICES, migProfiles } from '../placement/mig.js';
import type { NodeSpec } from '../placement/node-state.js';
import { DEVICE_MILLI, type ShapeRequest } from '../placement/shape.js';
import { AXES } from './model.js';

/** What a request takes of its flavor, by `AXES`. Of a MIG instance its memory slices, as placement counts them. */
export function amountsOf({ cpuMilli, memoryBytes, gpuCount, gpuMilli, migProfile }: ShapeRequest): Amounts {
  const gpu = migProfile === undefined ? gpuCount * gpuMilli : migMilli(migProfile);
  const amounts = { gpuMilli: gpu, cpuMilli, memoryBytes };
  return AXES.map((axis) => amounts[axis]);
}

/** All that a node has, by `AXES`. */
export function amountsOfNode({ cpuMilli, memoryBytes, gpu }: NodeSpec): Amounts {
  const amounts = { gpuMilli: (gpu?.devices.length ?? 0) * DEVICE_MILLI, cpuMilli, memoryBytes };
  return AXES.map((axis) => amounts[axis]);
}

/** The greatest over the models that know the profile; a name never means two sizes on machines that we know. */
function migMilli(profile: string): number {
  let slices = 0;
  for (const profiles of migProfiles.values()) slices = Math.max(slices, profiles.get(profile)?.slices ?? 0);
  return (slices * DEVICE_MILLI) / MIG_SLICES;
}

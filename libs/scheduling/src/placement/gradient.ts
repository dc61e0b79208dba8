import { everyChoice } from './every-choice.js';
import type { Fragmentation } from './fragmentation.js';
import { migFreeMilli, migMask } from './mig.js';
import type { NodeState } from './node-state.js';
import type { Choice } from './placement-policy.js';
import { NOWHERE } from './score-cache.js';
import { DEVICE_MILLI, type Shape } from './shape.js';

/**
 * Turns a gradient into a score, before devices are compared.
 *
 * @param devices how much less GPU lies stranded, in devices; negative: more
 * @param freeBefore of the device of a share, in milli; 0 for other shapes
 * @param freeAfter the same once the share is placed
 */
export type Worth = (devices: number, freeBefore: number, freeAfter: number, fragmentation: Fragmentation) => number;

/** Fills `choice` with the device of the highest worth, the first of equals. Runs for every node that has changed. */
export function gradient(
  node: NodeState,
  shape: Shape,
  fragmentation: Fragmentation,
  choice: Choice,
  worth: Worth,
): void {
  const before = fragmentation.of(node);
  const devicesOf = (after: number): number => (before - after) * fragmentation.toDevices;
  choice.score = NOWHERE;
  choice.device = -1;
  if (shape.kind === 'cpu' || shape.kind === 'whole') {
    choice.score = worth(devicesOf(strandedAfter(node, shape, fragmentation, -1, 0)), 0, 0, fragmentation);
  } else if (shape.kind === 'share') {
    let seen = 0;
    for (let device = 0; device < node.free.length; device += 1) {
      const free = node.free[device] as number;
      // A device with as much free as the last one would score the same: common, for devices are mostly whole.
      if (free === seen || !node.hosts(shape, device)) continue;
      seen = free;
      const after = strandedAfter(node, shape, fragmentation, device, 0);
      const score = worth(devicesOf(after), free, free - shape.gpuMilli, fragmentation);
      if (score <= choice.score) continue;
      choice.score = score;
      choice.device = device;
    }
  } else {
    everyChoice(node, shape, (device, start) => {
      const score = worth(devicesOf(strandedAfter(node, shape, fragmentation, device, start)), 0, 0, fragmentation);
      if (score <= choice.score) return;
      choice.score = score;
      choice.device = device;
      choice.start = start;
    });
  }
}

/** Books on the node's devices, asks, and puts back. */
function strandedAfter(node: NodeState, shape: Shape, fragmentation: Fragmentation, device: number, start: number) {
  const cpuFree = node.cpuFree - shape.cpuMilli;
  if (shape.kind === 'cpu') return fragmentation.with(node, cpuFree, node.gpuFree);
  if (shape.kind === 'whole') {
    const taken = node.wholeDevices(shape.gpuCount);
    for (const each of taken) node.free[each] = 0;
    const stranded = fragmentation.with(node, cpuFree, node.gpuFree - shape.gpuCount * DEVICE_MILLI);
    for (const each of taken) node.free[each] = DEVICE_MILLI;
    return stranded;
  }
  const free = node.free[device] as number;
  const slices = node.taken[device] as number;
  const profile = shape.kind === 'mig' ? node.profiles?.get(shape.migProfile as string) : undefined;
  if (profile) node.taken[device] = slices | migMask(profile, start);
  const left = profile ? migFreeMilli(node.taken[device] as number) : free - shape.gpuMilli;
  node.free[device] = left;
  const stranded = fragmentation.with(node, cpuFree, node.gpuFree - free + left);
  node.free[device] = free;
  node.taken[device] = slices;
  return stranded;
}

import { everyChoice } from './every-choice.js';
import type { Fragmentation } from './fragmentation.js';
import { migFreeMilli, migMask } from './mig.js';
import type { NodeState } from './node-state.js';
import type { Choice } from './placement-policy.js';
import { DEVICE_MILLI, type Shape } from './shape.js';

/**
 * How much less GPU lies stranded once the shape is placed, in devices (negative: more); of the best device, the first
 * of equals. `worth` turns the gradient into the score before devices are compared; it is also told what the device of a
 * share has free before and after, in milli.
 */
export function gradient(
  node: NodeState,
  shape: Shape,
  fragmentation: Fragmentation,
  choice: Choice,
  worth: (devices: number, freeBefore: number, freeAfter: number) => number,
): void {
  const before = fragmentation.of(node);
  const scale = 1 / (Math.max(1, fragmentation.weight) * DEVICE_MILLI);
  choice.score = Number.NEGATIVE_INFINITY;
  choice.device = -1;
  let seen = 0;
  everyChoice(node, shape, (device, start) => {
    // A device with as much free as the last one would score the same: common, for devices are mostly whole.
    if (shape.kind === 'share' && node.free[device] === seen) return;
    seen = shape.kind === 'share' ? (node.free[device] as number) : 0;
    const devices = (before - strandedAfter(node, shape, fragmentation, device, start)) * scale;
    const score = worth(devices, seen, seen > 0 ? seen - shape.gpuMilli : 0);
    if (score <= choice.score) return;
    choice.score = score;
    choice.device = device;
    choice.start = start;
  });
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

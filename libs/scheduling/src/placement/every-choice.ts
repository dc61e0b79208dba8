import { migLegal } from './mig.js';
import type { NodeState } from './node-state.js';
import type { Shape } from './shape.js';

/** Visits each device that can hold a share, each device and start of a MIG instance; once with -1 for other shapes. */
export function everyChoice(node: NodeState, shape: Shape, visit: (device: number, start: number) => void): void {
  if (shape.kind === 'cpu' || shape.kind === 'whole') {
    visit(-1, 0);
    return;
  }
  for (let device = 0; device < node.free.length; device += 1) {
    if (!node.hosts(shape, device)) continue;
    if (shape.kind === 'share') visit(device, 0);
    else {
      const profile = node.profiles?.get(shape.migProfile as string);
      for (const start of profile?.starts ?? []) {
        if (profile && migLegal(profile, start, node.taken[device] as number)) visit(device, start);
      }
    }
  }
}

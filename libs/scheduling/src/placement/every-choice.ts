import { migLegal } from './mig.js';
import type { NodeState } from './node-state.js';
import type { Shape } from './shape.js';

/** Visits each device that can hold a share, and each device and start that a MIG instance can have; no other shapes. */
export function everyChoice(node: NodeState, shape: Shape, visit: (device: number, start: number) => void): void {
  const profile = node.profiles?.get(shape.migProfile ?? '');
  for (let device = 0; device < node.free.length; device += 1) {
    if (!node.hosts(shape, device)) continue;
    if (shape.kind === 'share') visit(device, 0);
    for (const start of profile?.starts ?? []) {
      if (profile && migLegal(profile, start, node.taken[device] as number)) visit(device, start);
    }
  }
}

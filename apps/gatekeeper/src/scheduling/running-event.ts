import type { Kernel, SchedulingConfig } from '#libs/contracts';
import type { fullCore } from '#libs/scheduling';
import type { PlacedNode } from './nodes.js';
import { workloadOf } from './workload-of.js';

type RunningEvent = Extract<fullCore.CoreEvent, { kind: 'running' }>;

/**
 * What a core that is made anew is told of a kernel that has its place: where its row says, by the flavor that its node has
 * now; null where it got its place before there were any to choose from.
 */
export function runningEvent(
  kernel: Kernel,
  config: SchedulingConfig | null,
  nodes: ReadonlyMap<string, PlacedNode>,
  startedAt: number,
): RunningEvent {
  const { place } = kernel.scheduling;
  const workload = workloadOf(kernel, kernel.submittedAt, config);
  if (!place) return { kind: 'running', workload, place: null, startedAt };
  const { node, devices, migStart } = place;
  const flavor = nodes.get(node)?.flavor ?? place.flavor;
  const mig = migStart === undefined ? {} : { migStart };
  return { kind: 'running', workload, place: { flavor, node, devices, ...mig }, startedAt };
}

import type { Flavor, SchedulingConfig } from '#libs/contracts';
import { type OfferedGpu, offeredFlavors } from '../config/offered-flavors.js';
import type { CoreWorkload } from '../core/model.js';
import type { ShapeRequest } from '../placement/shape.js';
import type { NodeChange } from './history.js';

/**
 * Where a workload would enter under another configuration: its own queue, else that of its project, else the first. Flavors
 * that it named stay as far as they are there; those that it had by its queue are those of its queue now.
 *
 * @param before  the configuration that it entered under; null: none
 */
export function movedWorkload(
  workload: CoreWorkload,
  before: SchedulingConfig | null,
  after: SchedulingConfig,
): CoreWorkload {
  const has = (name: string | null): boolean => after.queues.some((queue) => queue.name === name);
  const { queue: own, project, flavors: named, request } = workload;
  const queue = before && has(own) ? own : project !== null && has(project) ? project : (after.queues[0]?.name ?? own);
  const gpu = gpuOf(request);
  const offered = offeredFlavors(after, queue, gpu);
  const hadByQueue = before === null || same(named, offeredFlavors(before, own, gpu));
  const left = named.filter((name) => after.flavors.some((flavor) => flavor.name === name));
  return { ...workload, queue, flavors: hadByQueue || left.length === 0 ? offered : left };
}

/** Of which flavor a node would be: of that name, else the first of its kind and model. The log has no labels of nodes. */
export function movedNode(
  { flavor, spec }: NonNullable<NodeChange['node']>,
  after: SchedulingConfig,
): string | undefined {
  const could = after.flavors.filter((one) => isOf(one, spec.gpu?.model));
  return (could.find(({ name }) => name === flavor) ?? could[0])?.name;
}

const isOf = (flavor: Flavor, model: string | undefined): boolean =>
  flavor.kind === 'gpu' ? flavor.model === model : model === undefined;

const gpuOf = ({ gpuCount, gpuMilli, migProfile }: ShapeRequest): OfferedGpu | null =>
  gpuCount === 0 ? null : { milli: gpuMilli, migProfile };

const same = (a: readonly string[], b: readonly string[]): boolean => a.join('\n') === b.join('\n');

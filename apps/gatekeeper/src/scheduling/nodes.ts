import type { Flavor, NodeReport, SchedulingConfig } from '#libs/contracts';
import type { fullCore, NodeSpec, NodeTotals } from '#libs/scheduling';
import type { GatekeeperConfig } from '../gatekeeper-parts.js';
import { LOCAL } from './local-config.js';

/** A node as the core is told of it. */
export interface PlacedNode {
  flavor: string;
  spec: NodeSpec;
  availability: NodeReport['availability'];
}

/** The nodes that belong to a flavor, by id. @param config  null: what the settings say is one node */
export function nodesOf(
  reports: readonly NodeReport[],
  config: SchedulingConfig | null,
  settings: GatekeeperConfig,
): Map<string, PlacedNode> {
  const { cpuMilli, memoryBytes, maxKernels } = settings.scheduling;
  if (config === null) {
    const spec = { id: LOCAL.flavor, cpuMilli, memoryBytes, places: maxKernels };
    return new Map([[spec.id, { flavor: LOCAL.flavor, spec, availability: 'open' }]]);
  }
  const nodes = new Map<string, PlacedNode>();
  for (const { id, labels, availability, gpu, ...amounts } of reports) {
    const flavor = config.flavors.find((one) => isOf(one, labels, gpu?.model));
    if (!flavor) continue;
    const devices = gpu && gpu.devices.length > 0 ? { gpu: { model: gpu.model, devices: gpu.devices } } : {};
    nodes.set(id, { flavor: flavor.name, availability, spec: { id, ...amounts, ...devices } });
  }
  return nodes;
}

/** By its labels and, of a GPU flavor, its model. */
const isOf = (flavor: Flavor, labels: NodeReport['labels'], model: string | undefined): boolean =>
  Object.entries(flavor.nodeSelector).every(([name, value]) => labels[name] === value) &&
  (flavor.kind === 'gpu' ? flavor.model === model : model === undefined);

/** What makes the one set of the other. A node that is not as it was goes and comes, with all that runs there. */
export function nodeEvents(
  before: ReadonlyMap<string, PlacedNode>,
  after: ReadonlyMap<string, PlacedNode>,
): fullCore.CoreEvent[] {
  const events: fullCore.CoreEvent[] = [];
  const same = (a: PlacedNode, b: PlacedNode): boolean =>
    a.flavor === b.flavor && JSON.stringify(a.spec) === JSON.stringify(b.spec);
  for (const [id, node] of before) {
    const now = after.get(id);
    if (!now || !same(node, now)) events.push({ kind: 'node-removed', id });
  }
  for (const [id, { flavor, spec, availability }] of after) {
    const was = before.get(id);
    const stays = was !== undefined && same(was, { flavor, spec, availability });
    if (!stays) events.push({ kind: 'node-added', flavor, node: spec });
    if ((stays ? was.availability : 'open') !== availability) events.push({ kind: 'node-changed', id, availability });
  }
  return events;
}

/** What they have together, by flavor. */
export function totalsOf(nodes: Iterable<PlacedNode>): NodeTotals {
  const totals: Record<string, Record<'gpuMilli' | 'cpuMilli' | 'memoryBytes', number>> = {};
  for (const { flavor, spec } of nodes) {
    const { gpuMilli, cpuMilli, memoryBytes } = totals[flavor] ?? { gpuMilli: 0, cpuMilli: 0, memoryBytes: 0 };
    totals[flavor] = {
      gpuMilli: gpuMilli + 1_000 * (spec.gpu?.devices.length ?? 0),
      cpuMilli: cpuMilli + spec.cpuMilli,
      memoryBytes: memoryBytes + spec.memoryBytes,
    };
  }
  return totals;
}

import { isDeepStrictEqual } from 'node:util';
import type { V1Container, V1Node, V1Pod, V1Toleration } from '@kubernetes/client-node';
import type { NodeReport } from '#libs/contracts';
import { quantity } from './quantity.js';

const MODEL = 'nvidia.com/gpu.product';
const SHARING = 'nvidia.com/gpu.sharing-strategy';
/** How a cluster autoscaler marks a node that it is about to take away. */
const LEAVING = 'DeletionCandidateOfClusterAutoscaler';
const DEVICE = 'nvidia.com/gpu';

/** What a pod of somebody else holds of its node. All that is kept of it. */
interface Held {
  readonly node: string;
  readonly amounts: ReadonlyMap<string, number>;
}

/** What a node's report is made of. All that is kept of it. */
interface Offered {
  readonly labels: Readonly<Record<string, string>>;
  readonly availability: NodeReport['availability'];
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly gpu: { readonly model: string; readonly resource: string; readonly count: number } | null;
}

/** What is there for kernels of ours: each node less what strangers have booked on it. A change of a pod costs O(1). */
export class NodeReports {
  readonly #nodes = new Map<string, Offered>();
  readonly #pods = new Map<string, Held>();
  /** By node, then resource. */
  readonly #held = new Map<string, Map<string, number>>();
  /** Ids of nodes that may differ from what was reported last. */
  readonly #touched = new Set<string>();

  /**
   * @param tolerations  of our pods
   * @param resources  names of extended resources by GPU model, where they are not NVIDIA's
   */
  constructor(
    private readonly tolerations: readonly V1Toleration[],
    private readonly resources: Readonly<Record<string, string>>,
  ) {}

  /** In the order of their names. */
  all(): NodeReport[] {
    this.#touched.clear();
    return [...this.#nodes].map(([id, node]) => this.#report(id, node)).sort(byName);
  }

  /** Since the last call of this or of `all`; in the order of their names. */
  changes(): { nodes: NodeReport[]; gone: string[] } {
    const nodes: NodeReport[] = [];
    const gone: string[] = [];
    for (const id of this.#touched) {
      const node = this.#nodes.get(id);
      if (node) nodes.push(this.#report(id, node));
      else gone.push(id);
    }
    this.#touched.clear();
    return { nodes: nodes.sort(byName), gone: gone.sort() };
  }

  /** @returns whether its report has changed by it */
  onNode(node: V1Node): boolean {
    const id = node.metadata?.name ?? '';
    const offered = this.#offered(node);
    if (isDeepStrictEqual(offered, this.#nodes.get(id))) return false;
    this.#nodes.set(id, offered);
    this.#touched.add(id);
    return true;
  }

  onNodeGone(node: V1Node): void {
    const id = node.metadata?.name ?? '';
    if (this.#nodes.delete(id)) this.#touched.add(id);
  }

  /** Of a stranger. @returns whether anything of a node has changed by it */
  onPod(pod: V1Pod): boolean {
    const key = keyOf(pod);
    const before = this.#pods.get(key);
    const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    const node = over ? undefined : pod.spec?.nodeName;
    // What a bound pod asks for never grows without its being told anew; mostly it is the same.
    if (before?.node === node) return false;
    this.onPodGone(pod);
    if (node === undefined) return before !== undefined;
    const held = { node, amounts: requestsOf(pod) };
    this.#pods.set(key, held);
    this.#add(held, 1);
    return true;
  }

  /** @returns whether it held anything */
  onPodGone(pod: V1Pod): boolean {
    const held = this.#pods.get(keyOf(pod));
    if (!held) return false;
    this.#pods.delete(keyOf(pod));
    this.#add(held, -1);
    return true;
  }

  #add({ node, amounts }: Held, sign: 1 | -1): void {
    const sums = this.#held.get(node) ?? new Map<string, number>();
    this.#held.set(node, sums);
    for (const [resource, amount] of amounts) sums.set(resource, (sums.get(resource) ?? 0) + sign * amount);
    if (this.#nodes.has(node)) this.#touched.add(node);
  }

  #report(id: string, { labels, availability, cpu, memoryBytes, gpu }: Offered): NodeReport {
    const held = this.#held.get(id);
    const left = (amount: number, resource: string): number => Math.max(0, amount - (held?.get(resource) ?? 0));
    const isShared = ![undefined, '', 'none'].includes(labels[SHARING]);
    return {
      ...{ id, labels, availability },
      ...{
        cpuMilli: Math.floor(left(cpu, 'cpu') * 1_000 + ROUNDING),
        memoryBytes: Math.floor(left(memoryBytes, 'memory')),
      },
      gpu: gpu && {
        model: gpu.model,
        devices: Array(Math.floor(left(gpu.count, gpu.resource))).fill(isShared ? 'share' : 'whole'),
      },
    };
  }

  #offered({ metadata, spec, status }: V1Node): Offered {
    const labels = metadata?.labels ?? {};
    const model = labels[MODEL];
    const amount = (resource: string): number => quantity(status?.allocatable?.[resource]);
    const resource = this.resources[model ?? ''] ?? DEVICE;
    return {
      ...{ labels, availability: this.#availability(spec, status), cpu: amount('cpu'), memoryBytes: amount('memory') },
      gpu: model === undefined ? null : { model, resource, count: amount(resource) },
    };
  }

  #availability(spec: V1Node['spec'], status: V1Node['status']): NodeReport['availability'] {
    const isReady = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
    const taints = (spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
    const repels = taints.some(
      (taint) => taint.key !== LEAVING && !this.tolerations.some((one) => tolerates(one, taint)),
    );
    if (!isReady || spec?.unschedulable === true || repels) return 'cordoned';
    return spec?.taints?.some(({ key }) => key === LEAVING) ? 'last' : 'open';
  }
}

/** Sums of thousandths of cores are not exact in doubles. */
const ROUNDING = 1e-6;

const byName = (a: NodeReport, b: NodeReport): number => (a.id < b.id ? -1 : 1);
const keyOf = ({ metadata }: V1Pod): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

function tolerates(one: V1Toleration, taint: { key: string; value?: string; effect: string }): boolean {
  if (one.effect && one.effect !== taint.effect) return false;
  if (one.operator === 'Exists') return !one.key || one.key === taint.key;
  return one.key === taint.key && (one.value ?? '') === (taint.value ?? '');
}

/** As the cluster's scheduler counts them: containers together, or the largest that runs before them. */
function requestsOf({ spec }: V1Pod): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (resources: Readonly<Record<string, string>> = {}): void => {
    for (const [name, amount] of Object.entries(resources)) sums.set(name, (sums.get(name) ?? 0) + quantity(amount));
  };
  const isSidecar = ({ restartPolicy }: V1Container): boolean => restartPolicy === 'Always';
  const before = spec?.initContainers ?? [];
  for (const container of [...(spec?.containers ?? []), ...before.filter(isSidecar)])
    add(container.resources?.requests);
  for (const container of before.filter((one) => !isSidecar(one)))
    for (const [name, amount] of Object.entries(container.resources?.requests ?? {}))
      sums.set(name, Math.max(sums.get(name) ?? 0, quantity(amount)));
  add(spec?.overhead);
  return sums;
}

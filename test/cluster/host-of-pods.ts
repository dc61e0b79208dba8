import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type V1Pod, Watch } from '@kubernetes/client-node';
import { podNamespaces } from '#apps/launcher/src/pod-identity';
import { podPlace } from '#apps/launcher/src/pod-place';
import { type KernelHost, type KubernetesHostOptions, type LaunchFor, makeKubernetesHost } from '#libs/compute';
import type { AgentEndpoint, ImageCommand, KernelId, LaunchSpec } from '#libs/contracts';
import { Config } from '#libs/platform';
import { aLaunch, Facts, newKernelId, whom } from '../conformance/host/host-under-test.js';
import { root } from '../support/parts.js';
import { type Cluster, IMAGES } from './cluster.js';

export const NAMESPACE = 'scans';
export const MEBI = 1024 * 1024;
/** From what the cluster knows to the fact, milliseconds. */
export const TOLD_WITHIN_MS = 2000;

export const made = (image: string): ImageCommand => ({ kind: 'image', image, python: 'python3' });

/** A small kernel. */
export const anImage = (changes: Partial<LaunchSpec> = {}): LaunchSpec =>
  aLaunch('', { command: made(IMAGES.kernel), requests: { cpuMilli: 50, memoryBytes: 64 * MEBI }, ...changes });

/** What the service makes of its settings under `compute`. */
export const policy = (settings: object): Pick<KubernetesHostOptions, 'namespaces' | 'place'> => {
  const { compute } = Config.parse({ compute: { namespace: NAMESPACE, ...settings } });
  return { namespaces: podNamespaces(compute), place: podPlace(compute) };
};

/** When it came true. */
export const moment = (happening: Promise<unknown>): Promise<number> => happening.then(() => Date.now());

/** Hosts of pods that follow each other in one namespace of a cluster, and what the present one tells. */
export class HostOfPods {
  host!: KernelHost;
  facts!: Facts;
  /** Lines of the log since the last end. */
  readonly told: Record<string, unknown>[] = [];
  #term = 0;

  constructor(readonly cluster: Cluster) {}

  /** Starts a host, which takes over from the one before. */
  async use(changes: Partial<KubernetesHostOptions> = {}): Promise<void> {
    const tell = (fields: object, message: string) => this.told.push({ message, ...fields });
    this.#term += 1;
    this.host = await makeKubernetesHost({
      config: this.cluster.config('broker'),
      launcher: 'one',
      term: this.#term,
      agentImage: IMAGES.agent,
      boot: readFileSync(join(root, 'agent/beamgate_agent/boot_pod.py'), 'utf8'),
      imagePullPolicy: 'IfNotPresent',
      ...policy({}),
      tolerations: [],
      deviceResources: {},
      pools: [],
      poolBudget: 4,
      projectActiveSeconds: 3600,
      ringBytes: 16 * MEBI,
      retentionSeconds: 60,
      unclaimedSeconds: 30,
      orphanSeconds: 60,
      lingerSeconds: 30,
      log: { info: tell, warn: tell },
      ...changes,
    });
    this.facts = new Facts(this.host);
  }

  said = (message: string): Record<string, unknown>[] => this.told.filter((line) => line['message'] === message);

  async end(): Promise<void> {
    await this.host.reconcile([]);
    await this.host.close();
    this.told.length = 0;
  }

  async start(changes: Partial<LaunchSpec> = {}, forWhom: Partial<LaunchFor> = {}): Promise<KernelId> {
    const kernelId = newKernelId();
    await this.host.launch(kernelId, { ...whom('ada'), ...forWhom }, anImage(changes));
    return kernelId;
  }

  /** Resolves when it is ready. */
  async launched(
    changes: Partial<LaunchSpec> = {},
    forWhom: Partial<LaunchFor> = {},
  ): Promise<{ kernelId: KernelId; endpoint: AgentEndpoint }> {
    const kernelId = await this.start(changes, forWhom);
    await this.facts.until(kernelId, 'ready');
    const { endpoint } = await this.facts.until(kernelId, 'agent-up');
    return { kernelId, endpoint };
  }

  podOf(kernelId: KernelId, namespace = NAMESPACE): Promise<V1Pod> {
    return this.cluster.core.readNamespacedPod({ namespace, name: `kernel-${kernelId}` });
  }

  /** Of pods and secrets. */
  async names(namespace = NAMESPACE): Promise<(string | undefined)[]> {
    const [pods, secrets] = await Promise.all([
      this.cluster.core.listNamespacedPod({ namespace }),
      this.cluster.core.listNamespacedSecret({ namespace }),
    ]);
    return [...pods.items, ...secrets.items].map(({ metadata }) => metadata?.name);
  }

  /** When the cluster first tells of such an event of the kernel's pod. */
  warned(kernelId: KernelId, reason: string): Promise<number> {
    const fieldSelector = `involvedObject.name=kernel-${kernelId},reason=${reason}`;
    return new Promise((resolve, reject) => {
      new Watch(this.cluster.config())
        .watch(
          `/api/v1/namespaces/${NAMESPACE}/events`,
          { fieldSelector },
          () => resolve(Date.now()),
          (error: unknown) => reject(new Error(`The watch ended: ${String(error)}`)),
        )
        .catch(reject);
    });
  }

  /** When the cluster first shows a container of the kernel's pod in such a state. */
  shown(kernelId: KernelId, state: 'waiting' | 'terminated', reason: RegExp): Promise<number> {
    const isIt = ({ status }: V1Pod) =>
      status?.containerStatuses?.some((one) => reason.test(one.state?.[state]?.reason ?? '')) === true;
    return moment(this.cluster.until<V1Pod>(`/api/v1/namespaces/${NAMESPACE}/pods`, `kernel-${kernelId}`, isIt));
  }
}

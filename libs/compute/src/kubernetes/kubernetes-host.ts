import { randomBytes } from 'node:crypto';
import { type V1Node, type V1Pod, type V1Secret, Watch } from '@kubernetes/client-node';
import type { ImageCommand, KernelId, KernelUsage, LaunchSpec } from '#libs/contracts';
import { type KernelFact, type KernelHost, NO_EXIT } from '../kernel-host.js';
import { persistently, sentenceOf } from './calls.js';
import { selfSigned } from './certificate.js';
import { HostedPod, type PodContext } from './hosted-pod.js';
import type { KubernetesHostOptions } from './kubernetes-host-options.js';
import { AGENT_PORT, LABEL, type PodAgentSpec, podName, podOf, secretOf, selectorOf, specOf } from './manifest.js';
import { PodApi } from './pod-api.js';
import { Watched } from './watched.js';

/** From its adoption to the first answer of a kernel that was still starting, seconds. */
const ADOPTED_START_SECONDS = 60;

/** Kernels as pods of one cluster, each of an agent's and a kernel's container. They outlive this process. */
export class KubernetesHost implements KernelHost {
  readonly #api: PodApi;
  readonly #kernels = new Map<KernelId, HostedPod>();
  readonly #preparing = new Map<KernelId, { stopped: boolean }>();
  readonly #pods: Watched<V1Pod>;
  readonly #nodes: Watched<V1Node>;
  readonly #context: PodContext;
  #listener: (fact: KernelFact) => void = () => {};
  #closed = false;

  constructor(private readonly options: KubernetesHostOptions) {
    const { config, launcher, log, term } = options;
    const labelSelector = selectorOf(launcher);
    this.#api = new PodApi(config, options.namespace, labelSelector);
    const tell = (fact: KernelFact) => this.#tell(fact);
    const remove = (pod: HostedPod, graceSeconds: number) => this.#remove(pod.kernelId, graceSeconds);
    this.#context = { term, log, introduced: new Set(), tell, remove };
    this.#pods = new Watched<V1Pod>({
      watch: new Watch(config),
      path: this.#api.path,
      labelSelector,
      list: () => this.#api.listPods(),
      onChange: (pod) => this.#of(pod)?.onPod(pod),
      onGone: (pod) => this.#of(pod)?.onPodGone(),
      log,
    });
    this.#nodes = new Watched<V1Node>({
      watch: new Watch(config),
      path: '/api/v1/nodes',
      list: () => this.#api.core.listNode(),
      onChange: (node) => isSilent(node) && this.#lose(node),
      onGone: (node) => this.#lose(node),
      log,
    });
  }

  onFact(listener: (fact: KernelFact) => void): void {
    this.#listener = listener;
  }

  async launch(kernelId: KernelId, owner: string, spec: LaunchSpec): Promise<void> {
    const present = this.#kernels.get(kernelId);
    if (this.#preparing.has(kernelId) || (present !== undefined && !present.ended)) return;
    const preparing = { stopped: false };
    this.#preparing.set(kernelId, preparing);
    try {
      const { command } = spec;
      if (command.kind !== 'image') throw new Error('This service runs pods, and this kernel is made from no image.');
      await present?.gone;
      await this.#pods.listed;
      const place = await this.options.place(kernelId, owner, spec);
      const agent = this.#specOf(kernelId, owner, spec, command);
      const secret = await this.#api.makeSecret(secretOf(kernelId, agent, this.options));
      if (this.#closed) return;
      const kernel = this.#keep(new HostedPod(this.#context, kernelId, specOf(secret), command.image));
      kernel.limitStart(spec.launchTimeoutSeconds);
      const pod = await this.#api.makePod(podOf(kernelId, { ...spec, command }, place, secret, this.options));
      this.options.log.info({ kernelId, owner, node: place.node }, 'launching');
      kernel.onPod(pod);
      if (preparing.stopped) kernel.stop(0);
    } catch (error) {
      const detail = sentenceOf(error);
      const kernel = this.#kernels.get(kernelId);
      if (kernel === undefined) this.#tell({ kind: 'launch-failed', kernelId, detail });
      else kernel.fail(detail);
    } finally {
      this.#preparing.delete(kernelId);
    }
  }

  async stop(kernelId: KernelId, graceMs: number): Promise<void> {
    const kernel = this.#kernels.get(kernelId);
    const preparing = this.#preparing.get(kernelId);
    if (preparing !== undefined) preparing.stopped = true;
    else if (kernel !== undefined) kernel.stop(graceMs);
    else this.#tellLost(kernelId);
  }

  async restart(kernelId: KernelId, incarnation: number): Promise<void> {
    const kernel = this.#kernels.get(kernelId);
    if (kernel !== undefined) kernel.restart(incarnation);
    else if (!this.#preparing.has(kernelId)) this.#tellLost(kernelId);
  }

  async usage(kernelId: KernelId): Promise<KernelUsage | null> {
    return (await this.#kernels.get(kernelId)?.usage()) ?? null;
  }

  /** What our labels are on is compared with what is wanted: pods and secrets alike, for either may be left alone. */
  async reconcile(kernelIds: readonly KernelId[]): Promise<void> {
    const wanted = new Set<string>(kernelIds);
    await Promise.all([this.#pods.listed, this.#nodes.listed]);
    const [pods, secrets] = await Promise.all([
      persistently(() => this.#api.listPods()),
      persistently(() => this.#api.listSecrets()),
    ]);
    const specs = new Map(secrets.items.map((secret) => [kernelOf(secret), secret]));
    const strangers = pods.items.filter((pod) => !this.#isKnown(kernelOf(pod)));
    for (const pod of strangers) this.#adopt(pod, specs.get(kernelOf(pod)), wanted.has(kernelOf(pod)));
    const fresh = new Set(strangers.map(kernelOf));
    await Promise.all([...this.#kernels.values()].map((kernel) => this.#settle(kernel, wanted, fresh)));
    const orphans = secrets.items.filter((secret) => !this.#isKnown(kernelOf(secret)));
    await Promise.all(orphans.map((secret) => this.#remove(kernelOf(secret), 0)));
    for (const kernelId of kernelIds) if (!this.#isKnown(kernelId)) this.#tellLost(kernelId);
  }

  /** @param fresh  kernels that were just adopted, which tell by themselves */
  async #settle(kernel: HostedPod, wanted: ReadonlySet<string>, fresh: ReadonlySet<string>): Promise<void> {
    if (!wanted.has(kernel.kernelId)) {
      kernel.stop(0);
      return kernel.gone;
    }
    if (!fresh.has(kernel.kernelId)) await kernel.retell();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const kernel of this.#kernels.values()) kernel.release();
    this.#kernels.clear();
    await Promise.all([this.#pods.close(), this.#nodes.close()]);
  }

  #isKnown = (kernelId: KernelId): boolean => this.#kernels.has(kernelId) || this.#preparing.has(kernelId);

  #of = (pod: V1Pod): HostedPod | undefined => this.#kernels.get(kernelOf(pod));

  #adopt(pod: V1Pod, secret: V1Secret | undefined, wanted: boolean): void {
    const kernelId = kernelOf(pod);
    this.options.log.info({ kernelId }, wanted ? 'adopting' : 'ending a kernel that nobody knows');
    const tell = wanted ? this.#context.tell : () => {};
    const context = { ...this.#context, tell };
    const spec = secret === undefined ? this.#noSpec : specOf(secret);
    const kernel = this.#keep(new HostedPod(context, kernelId, spec, imageOf(pod)));
    if (wanted) kernel.limitStart(ADOPTED_START_SECONDS);
    // One that nobody wants is not spoken to: its pod goes.
    if (wanted && secret !== undefined) kernel.onPod(pod);
    else if (wanted) kernel.fail('The secret of its pod is gone.');
    else kernel.stop(0);
  }

  readonly #noSpec: PodAgentSpec = { clientToken: '', controlToken: '', tls: { certificate: '', key: '' } };

  #keep(kernel: HostedPod): HostedPod {
    const { kernelId } = kernel;
    this.#kernels.set(kernelId, kernel);
    void kernel.gone.then(() => {
      if (this.#kernels.get(kernelId) === kernel) this.#kernels.delete(kernelId);
    });
    return kernel;
  }

  #lose({ metadata }: V1Node): void {
    for (const kernel of this.#kernels.values()) if (kernel.node === metadata?.name) kernel.onNodeLost();
  }

  async #remove(kernelId: KernelId, graceSeconds: number): Promise<void> {
    const there = await this.#api.remove(podName(kernelId), graceSeconds);
    // Nobody will tell of the end of what never was.
    if (!there) this.#kernels.get(kernelId)?.onPodGone();
  }

  #specOf(
    kernelId: KernelId,
    owner: string,
    { env, workingDirectory }: LaunchSpec,
    { python }: ImageCommand,
  ): PodAgentSpec {
    const { options } = this;
    return {
      kernelId,
      directory: '@beamgate',
      socket: `0.0.0.0:${AGENT_PORT}`,
      record: '',
      clientToken: randomBytes(32).toString('base64url'),
      controlToken: randomBytes(32).toString('base64url'),
      tls: selfSigned(kernelId),
      kernel: { kind: 'pod', python },
      env: { ...env, KERNEL_ID: kernelId, KERNEL_USERNAME: owner },
      cwd: workingDirectory ?? '',
      limits: { memoryBytes: null, cpuMilli: null, cgroups: false },
      ringBytes: options.ringBytes,
      retentionSeconds: options.retentionSeconds,
      unclaimedSeconds: options.unclaimedSeconds,
      orphanSeconds: options.orphanSeconds,
      lingerSeconds: options.lingerSeconds,
    };
  }

  #tellLost(kernelId: KernelId): void {
    this.#tell({ kind: 'exited', kernelId, ...NO_EXIT, agentLost: true });
  }

  #tell(fact: KernelFact): void {
    if (!this.#closed) this.#listener(fact);
  }
}

const kernelOf = ({ metadata }: V1Pod | V1Secret): KernelId => metadata?.labels?.[LABEL.kernel] as KernelId;
const imageOf = (pod: V1Pod): string => pod.spec?.containers.find(({ name }) => name === 'kernel')?.image ?? '';

/** Unknown says that its kubelet has been silent for the cluster's grace period. */
const isSilent = (node: V1Node): boolean =>
  node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown') === true;

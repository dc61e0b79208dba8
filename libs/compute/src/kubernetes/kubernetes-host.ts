import { setTimeout as delay } from 'node:timers/promises';
import { type CoreV1Event, type V1Node, type V1Pod, type V1Secret, Watch } from '@kubernetes/client-node';
import type { KernelId, KernelUsage, LaunchSpec, WarmSpares } from '#libs/contracts';
import { FoundTwice } from '../found-twice.js';
import { type HostFact, type KernelFact, type KernelHost, type LaunchFor, NO_EXIT } from '../kernel-host.js';
import { ClaimLabels } from './claim-labels.js';
import { claimedKernel } from './claimed-kernel.js';
import { HostedPod } from './hosted-pod.js';
import { HostedPods } from './hosted-pods.js';
import type { KubernetesHostOptions } from './kubernetes-host-options.js';
import { labelled } from './labelled.js';
import { Launches } from './launches.js';
import { endpointOf, LABEL, type PodAgentSpec, selectorOf, specOf } from './manifest.js';
import { NodeWatch } from './node-watch.js';
import { PodApi, type PodRef, podsPath } from './pod-api.js';
import type { PodContext } from './pod-context.js';
import { PodPools } from './pod-pools.js';
import { PodStarts } from './pod-starts.js';
import { podWarnings } from './pod-warnings.js';
import { WatchedEach } from './watched-each.js';

/** From its adoption to the first answer of a kernel that was still starting, seconds. */
const ADOPTED_START_SECONDS = 60;
/** How long the agent of a pod that was warm may take to say whose it is. */
const ASK_MS = 5000;
/** How long the end of a host waits for pods that are on their way out. */
const FAREWELL_MS = 2000;
/** An API server that has just come back knows nobody's rights for some seconds. */
const FRESH_MS = 15_000;

/** Kernels as pods of one cluster, each of an agent's and a kernel's container. They outlive this process. */
export class KubernetesHost implements KernelHost {
  readonly #api: PodApi;
  readonly #hosted = new HostedPods();
  readonly #removals = new Set<Promise<unknown>>();
  readonly #pools: PodPools<HostedPod>;
  readonly #starts: PodStarts;
  readonly #launches: Launches;
  readonly #pods: WatchedEach<V1Pod>;
  readonly #nodes: NodeWatch;
  readonly #seen = new FoundTwice();
  readonly #labels: ClaimLabels;
  readonly #warnings: WatchedEach<CoreV1Event>;
  readonly #context: PodContext;
  #listener: (fact: HostFact) => void = () => {};
  /** What is told of the API server, by what asks it. */
  readonly #outages = new Map<string, string>();
  /** When the API server could be used again. */
  #backAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(private readonly options: KubernetesHostOptions) {
    const { config, launcher, log, term } = options;
    const labelSelector = selectorOf(launcher);
    this.#api = new PodApi(config, labelSelector, () => this.#isBack);
    this.#labels = new ClaimLabels(this.#api, log);
    const tell = (fact: KernelFact) => this.#tell(fact);
    const remove = (...of: Parameters<PodContext['remove']>) => this.#remove(...of);
    const again = (...of: Parameters<PodContext['again']>) => this.#launches.again(...of);
    this.#context = { term, log, introduced: new Set(), tell, remove, again };
    this.#pods = new WatchedEach<V1Pod>(options.namespaces, (namespace) => ({
      watch: new Watch(config),
      path: podsPath(namespace),
      labelSelector,
      list: (page) => this.#api.listPodsIn(namespace, page),
      keep: labelled,
      onChange: (pod) => this.#of(pod)?.onPod(pod),
      onGone: (pod) => this.#of(pod)?.onPodGone(),
      onOutage: (reason) => this.#tellOutage(namespace, reason),
      log,
    }));
    this.#nodes = new NodeWatch(options, this.#api.core, {
      tell: (fact) => !this.#closed && this.#listener(fact),
      onLost: (node) => this.#lose(node),
      onOutage: (reason) => this.#tellOutage('', reason),
    });
    this.#warnings = podWarnings(config, options.namespaces, this.#api.core, log, (pod) => this.#hosted.pod(pod));
    const seen = { pods: this.#pods, nodes: this.#nodes.nodes };
    this.#starts = new PodStarts(options, this.#api, this.#hosted, this.#context, seen);
    const start = (...of: Parameters<PodStarts['warm']>) => this.#starts.warm(...of);
    this.#pools = new PodPools(options, start, () => this.#launches.isIdle);
    this.#launches = new Launches(this.#hosted, this.#starts, this.#pools, this.#context);
  }

  onFact(listener: (fact: HostFact) => void): void {
    this.#listener = listener;
  }

  launch(kernelId: KernelId, whom: LaunchFor, spec: LaunchSpec): Promise<void> {
    return this.#launches.launch(kernelId, whom, spec);
  }

  async stop(kernelId: KernelId, graceMs: number): Promise<void> {
    if (this.#launches.stop(kernelId)) return;
    const kernel = this.#hosted.kernel(kernelId);
    if (kernel !== undefined) kernel.stop(graceMs);
    else this.#tellLost(kernelId);
  }

  async restart(kernelId: KernelId, incarnation: number): Promise<void> {
    const kernel = this.#hosted.kernel(kernelId);
    if (kernel !== undefined) kernel.restart(incarnation);
    else if (!this.#launches.isUnderWay(kernelId)) this.#tellLost(kernelId);
  }

  async usage(kernelId: KernelId): Promise<KernelUsage | null> {
    return (await this.#hosted.kernel(kernelId)?.usage()) ?? null;
  }

  /** What our labels are on is compared with what is wanted: pods and secrets alike, for either may be left alone. */
  async reconcile(kernelIds: readonly KernelId[]): Promise<void> {
    const wanted = new Set<string>(kernelIds);
    await Promise.all([this.#pods.answered, this.#nodes.nodes.answered]);
    // A gatekeeper that asks is new, or we are: it knows of no node.
    this.#nodes.tellAll();
    this.#listener({ kind: 'hindered', reason: this.#outage });
    const { readable } = this.#pods;
    const [pods, secrets] = await Promise.all([this.#api.listPods(readable), this.#api.listSecrets(readable)]);
    const strangers = pods.filter((pod) => !this.#isOurs(podIdOf(pod)));
    const fresh = await this.#takeUp(strangers, secrets, async () => wanted);
    await Promise.all(this.#hosted.kernels.map((kernel) => this.#settle(kernel, wanted, fresh)));
    await this.#removeSecrets(secrets);
    const lost = kernelIds.filter((kernelId) => !this.#isKnown(kernelId));
    const hidden = this.options.namespaces.filter((namespace) => !readable.includes(namespace));
    // They may be where we may not look; once we may, the next comparison finds them.
    if (hidden.length > 0)
      this.options.log.warn({ namespaces: hidden, kernelIds: lost }, 'namespaces may not be listed');
    else for (const kernelId of lost) this.#tellLost(kernelId);
    this.#pools.refill();
  }

  async reap(unwanted: (kernelIds: readonly KernelId[]) => Promise<readonly KernelId[]>): Promise<void> {
    const secrets = await this.#api.listSecrets(this.#pods.readable);
    const seen = [...this.#pods.objects, ...secrets].filter((object) => !this.#isOurs(podIdOf(object)));
    const strays = new Set(this.#seen.again(seen, podIdOf).map(podIdOf));
    const isStray = (object: V1Pod | V1Secret): boolean => strays.has(podIdOf(object));
    // One whose kernel has ended stays for the rest of its output.
    const hosted = this.#hosted.kernels.filter(({ ended }) => !ended);
    const pods = this.#pods.objects.some(isStray) ? await this.#api.listPods(this.#pods.readable) : [];
    await this.#takeUp(pods.filter(isStray), secrets, async (ids) => {
      const gone = new Set(await unwanted([...ids, ...hosted.map(({ kernelId }) => kernelId)]));
      for (const kernel of hosted) if (gone.has(kernel.kernelId)) void this.stop(kernel.kernelId, 0);
      return new Set(ids.filter((id) => !gone.has(id)));
    });
    await this.#removeSecrets(secrets.filter(isStray));
  }

  /** Adopts the kernels in these pods that are wanted and ends the others. @returns the kernels, which tell by themselves */
  async #takeUp(
    pods: readonly V1Pod[],
    secrets: readonly V1Secret[],
    wantedOf: (kernelIds: readonly KernelId[]) => Promise<ReadonlySet<string>>,
  ): Promise<ReadonlySet<string>> {
    const specs = new Map(secrets.map((secret) => [podIdOf(secret), secret]));
    const found = await Promise.all(
      pods.map(async (pod) => {
        const secret = specs.get(podIdOf(pod));
        return { pod, secret, kernelId: await this.#kernelIn(pod, secret) };
      }),
    );
    const ids = found.map(({ kernelId }) => kernelId);
    const wanted = await wantedOf(ids);
    for (const { pod, secret, kernelId } of found)
      if (!this.#isOurs(podIdOf(pod))) this.#adopt(pod, secret, kernelId, wanted.has(kernelId));
    return new Set(ids);
  }

  /** Those without a pod of ours. */
  async #removeSecrets(secrets: readonly V1Secret[]): Promise<void> {
    const orphans = secrets.filter((secret) => !this.#isOurs(podIdOf(secret)));
    await Promise.all(orphans.map((secret) => this.#remove(refOf(secret), 0)));
  }

  /** That of its label, unless the pod was warm. */
  async #kernelIn(pod: V1Pod, secret: V1Secret | undefined): Promise<KernelId> {
    const { podIP } = pod.status ?? {};
    const spec = specOf(secret);
    const asked = pod.metadata?.labels?.[LABEL.warm] !== undefined && podIP !== undefined && spec !== undefined;
    if (!asked) return podIdOf(pod);
    const claimed = await claimedKernel(endpointOf(spec, podIP), this.options.term, ASK_MS);
    return claimed ?? podIdOf(pod);
  }

  /** @param fresh  kernels that were just adopted, which tell by themselves */
  async #settle(kernel: HostedPod, wanted: ReadonlySet<string>, fresh: ReadonlySet<string>): Promise<void> {
    if (!wanted.has(kernel.kernelId)) {
      await this.stop(kernel.kernelId, 0);
      return kernel.gone;
    }
    this.#launches.retell(kernel.kernelId);
    if (!fresh.has(kernel.kernelId)) await kernel.retell();
  }

  keepWarm(pools: readonly WarmSpares[]): void {
    this.#pools.keep(pools);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#labels.close();
    this.#launches.close();
    const warm = this.#pools.pods;
    this.#starts.close();
    this.#pools.close();
    // Whoever comes next would have to find out about them.
    const left = Promise.allSettled([...warm.map(({ gone }) => gone), ...this.#removals]);
    await Promise.race([left, delay(FAREWELL_MS, undefined, { ref: false })]);
    for (const kernel of this.#hosted.all) kernel.release();
    this.#hosted.clear();
    const watches = [this.#pods, this.#nodes, this.#warnings];
    await Promise.all(watches.map((one) => one.close()));
  }

  /** A call may reach it before those do that follow it. */
  get #isBack(): boolean {
    return this.#outage !== null || performance.now() - this.#backAt < FRESH_MS;
  }

  get #outage(): string | null {
    return [...this.#outages.values()][0] ?? null;
  }

  #tellOutage(where: string, reason: string | null): void {
    const before = this.#outage;
    if (reason === null) this.#outages.delete(where);
    else this.#outages.set(where, reason);
    if (this.#outage === null && before !== null) this.#backAt = performance.now();
    if (this.#outage === before || this.#closed) return;
    if (reason !== null && before === null) this.options.log.warn({ reason }, 'no kernel can be started');
    this.#listener({ kind: 'hindered', reason: this.#outage });
  }

  #isKnown = (kernelId: KernelId): boolean =>
    this.#hosted.kernel(kernelId) !== undefined || this.#launches.isUnderWay(kernelId);

  /** Whether a pod, or its secret, is of this host, or about to be. */
  #isOurs = (podId: KernelId): boolean =>
    this.#hosted.pod(podId) !== undefined || this.#launches.isUnderWay(podId) || this.#starts.isMaking(podId);

  #of = (pod: V1Pod): HostedPod | undefined => this.#hosted.pod(podIdOf(pod));

  #adopt(pod: V1Pod, secret: V1Secret | undefined, kernelId: KernelId, wanted: boolean): void {
    this.options.log.info({ kernelId }, wanted ? 'adopting' : 'ending a kernel that nobody knows');
    const tell = wanted ? this.#context.tell : () => {};
    const context = { ...this.#context, tell };
    const spec = specOf(secret);
    const ref = { ...refOf(pod), image: imageOf(pod) };
    const kernel = this.#hosted.keep(new HostedPod(context, ref, spec ?? this.#noSpec, kernelId));
    if (wanted) kernel.adopt(ADOPTED_START_SECONDS);
    // One that nobody wants is not spoken to: its pod goes.
    if (wanted && spec !== undefined) kernel.onPod(pod);
    else if (wanted) kernel.fail('The secret of its pod is gone, or somebody changed it.');
    else kernel.stop(0);
  }

  readonly #noSpec: PodAgentSpec = { clientToken: '', controlToken: '', tls: { certificate: '', key: '' } };

  #lose({ metadata }: V1Node): void {
    for (const kernel of this.#hosted.all) if (kernel.node === metadata?.name) kernel.onNodeLost();
  }

  async #remove(pod: PodRef, graceSeconds: number, uid?: string): Promise<void> {
    const removal =
      uid === undefined ? this.#api.remove(pod, graceSeconds) : this.#api.removePod(pod, graceSeconds, uid);
    this.#removals.add(removal);
    const there = await removal.finally(() => this.#removals.delete(removal));
    // Nobody will tell of the end of what never was. Of what was seen a watch does, and of nothing of it after that.
    if (!there && uid === undefined) this.#hosted.pod(pod.podId)?.onPodGone();
  }

  #tellLost(kernelId: KernelId): void {
    this.#tell({ kind: 'exited', kernelId, ...NO_EXIT, agentLost: true });
  }

  #tell(fact: KernelFact): void {
    if (this.#closed) return;
    this.#listener(fact);
    const { kernelId, kind } = fact;
    if (kind === 'agent-up' || kind === 'exited' || kind === 'launch-failed') this.#launches.forget(kernelId);
    const pod = this.#hosted.kernel(kernelId);
    if (kind === 'ready' && pod !== undefined && pod.podId !== kernelId) this.#labels.add(kernelId, pod.ref);
    else if (kind === 'exited') this.#labels.forget(kernelId);
  }
}

const podIdOf = ({ metadata }: V1Pod | V1Secret): KernelId => metadata?.labels?.[LABEL.kernel] as KernelId;
const refOf = (object: V1Pod | V1Secret): PodRef => ({
  podId: podIdOf(object),
  namespace: object.metadata?.namespace ?? '',
});
const imageOf = (pod: V1Pod): string => pod.spec?.containers.find(({ name }) => name === 'kernel')?.image ?? '';

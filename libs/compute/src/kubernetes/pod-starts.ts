import { randomUUID } from 'node:crypto';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { KernelId } from '#libs/contracts';
import type { LaunchFor } from '../kernel-host.js';
import { agentSpec } from './agent-spec.js';
import { HostedPod } from './hosted-pod.js';
import type { HostedPods } from './hosted-pods.js';
import type { KubernetesHostOptions, PodFor, PodPlace, PodPoolOptions } from './kubernetes-host-options.js';
import { type PodAgentSpec, podOf, secretOf, specOf } from './manifest.js';
import type { PodApi } from './pod-api.js';
import type { PodContext } from './pod-context.js';
import type { PodLaunch } from './pod-launch.js';
import { refusal } from './refusal.js';
import type { Watched } from './watched.js';
import type { WatchedEach } from './watched-each.js';

/** How long a start may take. */
export interface StartLimit {
  /** All of it, as its user is told. */
  seconds: number;
  /** What is left of it, of a launch that was cut short before. */
  leftMs: number;
  /** What its user is told of when it is over; empty: nothing. */
  warning: string;
}

/** What a pod for a kernel is made of. */
export interface ColdStart {
  like: PodLaunch;
  env: Record<string, string>;
  /** Empty: the image's. */
  cwd: string;
  limit: StartLimit;
}

const WARM_LIMIT: StartLimit = { seconds: 60, leftMs: 60_000, warning: '' };

/** Makes pods, each with its secret: for a kernel, or for whoever comes. */
export class PodStarts {
  /** Whose secret there may be, and no pod yet. */
  readonly #making = new Set<KernelId>();
  #closed = false;

  constructor(
    private readonly options: KubernetesHostOptions,
    private readonly api: PodApi,
    private readonly hosted: HostedPods,
    private readonly context: PodContext,
    private readonly seen: { pods: WatchedEach<V1Pod>; nodes: Watched<V1Node> },
  ) {}

  /** @throws Error with a sentence for the user; a pod that was made until then is among those hosted */
  async cold(kernelId: KernelId, whom: LaunchFor, { like, env, cwd, limit }: ColdStart): Promise<void> {
    const place = await this.#place(whom);
    const agent = agentSpec(kernelId, env, cwd, like.command, this.options);
    await this.#make(kernelId, agent, like, place, limit, kernelId);
    this.options.log.info({ kernelId, owner: whom.owner, node: place.node }, 'launching');
  }

  /** One that is of nobody until it is claimed; undefined where none can be made, of which the log tells. */
  async warm(
    { name, like }: PodPoolOptions,
    project: string | null,
    at: LaunchFor['place'],
  ): Promise<HostedPod | undefined> {
    const podId = randomUUID() as KernelId;
    try {
      const place = await this.#place({ owner: null, project, place: at });
      const agent = agentSpec(podId, {}, '', like.command, this.options);
      return await this.#make(podId, agent, like, place, WARM_LIMIT);
    } catch (error) {
      const { message: reason } = error as Error;
      this.options.log.warn({ kernelspec: name, project, reason }, 'no warm kernel could be started');
      this.hosted.pod(podId)?.dismiss();
      return undefined;
    }
  }

  isMaking(podId: KernelId): boolean {
    return this.#making.has(podId);
  }

  /** Makes no more. */
  close(): void {
    this.#closed = true;
  }

  async #place(whom: PodFor): Promise<PodPlace> {
    await this.seen.nodes.answered;
    const node = this.seen.nodes.kept(whom.place?.node ?? '');
    const place = this.options.place(whom, node?.metadata?.labels ?? {});
    await this.seen.pods.answeredIn(place.namespace);
    return place;
  }

  /** @param kernelId  whose it is from the first; undefined for a warm one */
  async #make(
    podId: KernelId,
    agent: PodAgentSpec,
    like: PodLaunch,
    place: PodPlace,
    { seconds, leftMs, warning }: StartLimit,
    kernelId?: KernelId,
  ): Promise<HostedPod | undefined> {
    const { namespace } = place;
    const { launcher } = this.options;
    this.#making.add(podId);
    try {
      // A kernel that is waited for may start late; one that nobody waits for is tried for again anyway.
      const patienceMs = kernelId === undefined ? 0 : leftMs;
      const asked = secretOf(podId, agent, namespace, launcher, kernelId === undefined);
      const secret = await this.api.makeSecret(asked, patienceMs);
      if (this.#closed) return undefined;
      const spec = specOf(secret);
      if (spec === undefined) throw new Error(`Somebody changed the secret of the kernel's pod.`);
      const ref = { podId, namespace, image: like.command.image };
      const pod = this.hosted.keep(new HostedPod(this.context, ref, spec, kernelId));
      pod.limitStart(seconds, leftMs, warning);
      pod.onPod(await this.api.makePod(podOf(podId, like, place, secret, this.options), patienceMs));
      return pod;
    } catch (error) {
      throw new Error(refusal(error, namespace), { cause: error });
    } finally {
      this.#making.delete(podId);
    }
  }
}

import type { V1Pod } from '@kubernetes/client-node';
import type { KernelId, KernelUsage } from '#libs/contracts';
import type { AgentEvent } from '#libs/jupyter';
import { AgentKernel } from '../agent-kernel.js';
import { exitOf, startFailure } from '../kernel-exit.js';
import { NO_EXIT } from '../kernel-host.js';
import type { Exit, LaunchFailure } from '../kernel-news.js';
import { cutStart, isInterruption } from './cut-start.js';
import { endpointOf, type PodAgentSpec } from './manifest.js';
import type { PodRef } from './pod-api.js';
import type { PodClaim, PodContext } from './pod-context.js';
import { PodStatus } from './pod-status.js';
import { agentEnded } from './pod-verdict.js';

/** After the agent should have ended a kernel, milliseconds until its pod is deleted. */
const LAST_RESORT_MS = 3000;
/** After an API server that could not be reached for some seconds. */
const REMOVE_AGAIN_MS = 5000;
const REMOVE_TRIES = 12;
/** How long the end of a container may take to show in its pod's status. */
const STATUS_MS = 3000;
/** Longer than launches take. */
const LONG_MS = 3_600_000;
/** Events of a volume that its node can't mount. One that is still attached elsewhere may yet come. */
const MOUNT_REASONS = new Set(['FailedMount', 'FailedMapVolume']);
/** What the agent says of a kernel whose container ended under it. @see agent/beamgate_agent/pod.py */
const CONTAINER_ENDED = 'the container of the kernel has ended';

/** A pod from when it is made until it is gone: what the cluster says of it, and the ends of it and of the kernel in it. */
export class HostedPod {
  /** Resolves when the pod is gone, and its secret: the next may have their name. */
  readonly gone: Promise<void>;
  #resolveGone = (): void => {};
  readonly #kernel: AgentKernel;
  #resolveWarmed = (): void => {};
  /** Resolves when a warm pod has come as far as it can without a claim. */
  readonly warmed: Promise<void>;
  readonly #status = new PodStatus();
  #uid: string | undefined;
  #lastWarning = '';
  #adopted = false;
  /** Another pod takes its place, and tells what becomes of the kernel. */
  #isCut = false;
  #released = false;
  #removed = false;
  #deletion: Promise<void> = Promise.resolve();
  #startTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: PodContext,
    private readonly pod: PodRef & { readonly image: string },
    private readonly spec: PodAgentSpec,
    /** Undefined for a warm pod, of which nothing is told. */
    kernelId: KernelId | undefined,
  ) {
    const isWarm = kernelId === undefined;
    const made = { madeAs: kernelId ?? pod.podId, isWarm, origin: pod.image, claim: { env: {} }, isToldAtOnce: false };
    this.#kernel = new AgentKernel(context, made, {
      onWarm: () => this.#onWarm(),
      onReached: () => this.#kernel.stopping && this.stop(0),
      onReady: () => clearTimeout(this.#startTimer),
      onExit: (event) => void this.#onExit(event),
      onClaimFailed: (detail) => this.fail(detail),
      onUnspoken: (reason) => {
        // What ran before us goes on, until somebody comes who speaks to it.
        if (this.#adopted) clearTimeout(this.#startTimer);
        else this.fail(`The agent of the kernel can not be spoken to: ${reason}.`);
      },
      onOver: () => {
        this.release();
        this.#resolveGone();
      },
    });
    this.warmed = new Promise((resolve) => {
      this.#resolveWarmed = resolve;
    });
    const podIsGone = new Promise<void>((resolve) => {
      this.#resolveGone = resolve;
    });
    this.gone = podIsGone.then(() => this.#deletion);
  }

  node: string | undefined;

  /** Under which the pod was made. */
  get podId(): KernelId {
    return this.pod.podId;
  }

  get ref(): PodRef {
    return this.pod;
  }

  get kernelId(): KernelId {
    return this.#kernel.kernelId;
  }

  get isSomebodys(): boolean {
    return this.#kernel.isSomebodys;
  }

  /** Whether a claim would reach its agent. */
  get up(): boolean {
    return this.#kernel.agent.up && !this.#kernel.news.ended;
  }

  get ended(): boolean {
    return this.#kernel.news.ended;
  }

  /** It was made by an earlier launcher. */
  adopt(startSeconds: number): void {
    this.#adopted = true;
    this.limitStart(startSeconds);
  }

  /**
   * @param leftMs   what is left of the time, of a launch that was cut short
   * @param warning  what to tell then, if the cluster warns of nothing else
   */
  limitStart(seconds: number, leftMs = seconds * 1000, warning = ''): void {
    this.#lastWarning ||= warning;
    this.#startTimer = setTimeout(() => this.fail(tooLate(seconds, this.#lastWarning)), leftMs);
  }

  // --- what its pod's status says --------------------------------------------------------------------------------

  onPod(pod: V1Pod): void {
    if (this.#isCut) {
      // The next one of its name: it has gone unseen.
      if (pod.metadata?.uid !== this.#uid) this.onPodGone();
      return;
    }
    this.node = pod.spec?.nodeName;
    this.#uid = pod.metadata?.uid;
    const verdict = this.#status.take(pod);
    const cut = this.#kernel.news.isTold ? undefined : cutStart(pod);
    if (cut !== undefined) {
      this.#cut(cut);
      return;
    }
    if (verdict.kind === 'running') void this.#kernel.agent.reach(endpointOf(this.spec, verdict.address));
    else if (verdict.kind === 'failed' && !this.#kernel.news.wasReady) this.fail(verdict.detail, verdict.reason);
    if (agentEnded(pod)) this.#lose();
  }

  /** @param uid  of the pod that it is about: one that is gone had the same name */
  onWarning(uid: string, reason: string, message: string): void {
    if (uid !== this.#uid || this.#kernel.news.wasReady || this.#isCut) return;
    this.#lastWarning = `${reason}: ${message}`;
    // A kubelet mounts again by itself where it was interrupted before the mount itself.
    const isPassing = isInterruption(message) && !message.includes('mount failed');
    if (MOUNT_REASONS.has(reason) && !isPassing) this.fail(`A volume of the kernel could not be mounted: ${message}`);
  }

  onPodGone(): void {
    if (!this.#removed && !this.#kernel.news.isTold) this.#cut('Somebody deleted its pod.');
    // Its secret goes, too.
    this.#lose();
    this.#kernel.agent.close();
    this.#resolveGone();
  }

  /** Its node is silent or gone. */
  onNodeLost(): void {
    this.#lose(0);
  }

  /** The agent is no more: tells it if nothing was told, and removes the pod. */
  #lose(graceSeconds = 1): void {
    if (this.#released || this.#isCut) return;
    this.#clearTimers();
    const { code, signal, outOfMemory } = this.#status.end ?? { code: null, signal: null, outOfMemory: false };
    if (this.#kernel.stopping) this.#exited(NO_EXIT);
    else if (outOfMemory) this.#exited({ ...NO_EXIT, code, signal, outOfMemory });
    // How far one that was adopted had come is not known; of one that had not, this is no news.
    else if (this.#kernel.news.wasReady || this.#adopted) this.#exited({ ...NO_EXIT, agentLost: true });
    else this.#failed('The agent ended while the kernel started.');
    this.remove(graceSeconds);
  }

  /** Its start was cut short by its node. */
  #cut(detail: string): void {
    if (this.#kernel.news.ended || this.#released) return;
    this.#isCut = !this.#kernel.stopping && this.isSomebodys && this.context.again(this.kernelId, detail);
    if (this.#isCut) {
      this.#kernel.agent.close();
      this.remove(0);
    } else if (this.#adopted && !this.#kernel.stopping) this.#lose(0);
    else this.fail(detail);
  }

  /** The start has failed; the pod goes. */
  fail(detail: string, reason?: LaunchFailure): void {
    if (this.#kernel.news.ended || this.#isCut) return;
    if (this.#kernel.stopping) this.#exited(NO_EXIT);
    else this.#failed(detail, reason);
    this.remove(0);
  }

  /** Makes this warm pod that kernel's. */
  become(kernelId: KernelId, claim: PodClaim, timeoutSeconds: number): void {
    this.limitStart(timeoutSeconds);
    this.#kernel.become(kernelId, claim);
  }

  /** Ends a pod that nobody wants. */
  dismiss(): void {
    this.remove(0);
  }

  // --- what others ask -------------------------------------------------------------------------------------------

  retell(): Promise<void> {
    return this.#kernel.retell();
  }

  stop(graceMs: number): void {
    this.#kernel.stopping = true;
    if (this.#kernel.news.ended) {
      this.#kernel.news.retellEnd();
      this.remove(1);
    } else if (!this.#kernel.agent.up) {
      this.remove(0);
    } else {
      this.#kernel.agent.tell('shutdown', { graceMs });
      this.#killTimer ??= setTimeout(() => this.remove(0), graceMs + LAST_RESORT_MS);
    }
  }

  restart(incarnation: number): void {
    this.#kernel.restart(incarnation);
  }

  usage(): Promise<KernelUsage | undefined> {
    return this.#kernel.agent.usage();
  }

  /** Deletes pod and secret, once; of one that another follows, the pod alone. */
  remove(graceSeconds: number): void {
    if (this.#removed || this.#released) return;
    this.#removed = true;
    this.#clearTimers();
    this.#deletion = this.#delete(graceSeconds);
  }

  /** A pod may go by itself meanwhile, and leave its secret. What can't be deleted is found by comparing labels. */
  async #delete(graceSeconds: number, tries = REMOVE_TRIES): Promise<void> {
    if (this.#released) return;
    try {
      await this.context.remove(this.pod, graceSeconds, this.#isCut ? this.#uid : undefined);
    } catch (error) {
      const reason = (error as Error).message;
      this.context.log.warn({ kernelId: this.kernelId, reason }, 'a pod could not be deleted');
      if (tries === 1) return;
      await new Promise((resolve) => setTimeout(resolve, REMOVE_AGAIN_MS).unref());
      await this.#delete(graceSeconds, tries - 1);
    }
  }

  /** Lets go of agent and kernel without ending them. */
  release(): void {
    this.#released = true;
    this.#clearTimers();
    this.#kernel.agent.close();
  }

  // --- what happens ----------------------------------------------------------------------------------------------

  #onWarm(): void {
    if (!this.isSomebodys) clearTimeout(this.#startTimer);
    this.#resolveWarmed();
  }

  #failed(detail: string, reason?: LaunchFailure): void {
    clearTimeout(this.#startTimer);
    this.#kernel.news.failed(detail, reason);
    // One that was adopted may have been ready before, of which a failed start would be no news.
    if (this.#adopted) this.context.tell({ kind: 'exited', kernelId: this.kernelId, ...NO_EXIT, agentLost: true });
  }

  #exited(how: Exit): void {
    clearTimeout(this.#startTimer);
    // Before its agent is up a kernel has nothing that could end.
    if (how.outOfMemory && !this.#kernel.news.isTold) this.#kernel.tellOfAgent();
    this.#kernel.news.exited(how);
  }

  async #onExit(event: AgentEvent): Promise<void> {
    if (this.#kernel.news.ended) return;
    const { error, incarnation } = event;
    // Of a start that was cut short nobody tells before its kubelet is back; the launch has its limit.
    const patienceMs = this.#kernel.news.isTold ? STATUS_MS : LONG_MS;
    const shown = error === CONTAINER_ENDED ? await this.#status.endWithin(patienceMs) : undefined;
    if (this.#isCut) return;
    const { code, signal, outOfMemory } = shown ?? exitOf(event);
    if (this.#kernel.news.wasReady || this.#kernel.stopping || outOfMemory) {
      this.#exited({ code, signal, outOfMemory, incarnation: Number(incarnation), agentLost: false });
      // Nobody waits for the rest of its output, and we may be on our way out too.
      if (this.#kernel.stopping) this.remove(1);
      return;
    }
    this.fail(startFailure({ code, signal }, error));
  }

  #clearTimers(): void {
    clearTimeout(this.#startTimer);
    clearTimeout(this.#killTimer);
  }
}

const tooLate = (seconds: number, warning: string): string =>
  `The kernel did not answer within ${seconds} seconds${warning === '' ? '.' : `; the cluster warns: ${warning}`}`;

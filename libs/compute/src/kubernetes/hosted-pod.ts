import { randomBytes } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { type AgentEndpoint, type KernelId, KernelUsage } from '#libs/contracts';
import type { AgentCallError, AgentEvent, Welcome } from '#libs/jupyter';
import { NO_EXIT } from '../kernel-host.js';
import { AgentControl } from './agent-control.js';
import { exitOf, startFailure } from './kernel-exit.js';
import { type Exit, KernelNews, type LaunchFailure } from './kernel-news.js';
import { endpointOf, type PodAgentSpec } from './manifest.js';
import type { PodRef } from './pod-api.js';
import type { PodClaim, PodContext } from './pod-context.js';
import { PodStatus } from './pod-status.js';
import { agentEnded } from './pod-verdict.js';

/** After the agent should have ended a kernel, milliseconds until its pod is deleted. */
const LAST_RESORT_MS = 3000;
/** How long the end of a container may take to show in its pod's status. */
const STATUS_MS = 3000;
/** Events of a volume that its node can't mount. One that is still attached elsewhere may yet come. */
const MOUNT_REASONS = new Set(['FailedMount', 'FailedMapVolume']);
/** What the agent says of a kernel whose container ended under it. @see agent/beamgate_agent/pod.py */
const CONTAINER_ENDED = 'the container of the kernel has ended';

/** One kernel in a pod: what its pod's status says, the control stream to its agent, and what was told of it. */
export class HostedPod {
  /** Resolves when the pod is gone. */
  readonly gone: Promise<void>;
  #resolveGone = (): void => {};
  #endpoint: AgentEndpoint | undefined;
  #control: AgentControl | undefined;
  #kernelId: KernelId | undefined;
  #claimed: PodClaim = { env: {} };
  #resolveWarmed = (): void => {};
  /** Resolves when a warm pod has come as far as it can without a claim. */
  readonly warmed: Promise<void>;
  readonly #status = new PodStatus();
  /** The process that ought to live, as far as we were told. */
  #incarnation = 0;
  #uid: string | undefined;
  #lastWarning: string | undefined;
  #stopping = false;
  #released = false;
  #removed = false;
  #news: KernelNews;
  #startTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: PodContext,
    private readonly pod: PodRef & { readonly image: string },
    private readonly spec: PodAgentSpec,
    /** Undefined for a warm pod, of which nothing is told. */
    kernelId: KernelId | undefined,
  ) {
    this.#kernelId = kernelId;
    this.#news = this.#newsOf(kernelId === undefined ? { ...context, tell: () => {} } : context);
    this.warmed = new Promise((resolve) => {
      this.#resolveWarmed = resolve;
    });
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
  }

  node: string | undefined;

  /** Under which the pod was made. */
  get podId(): KernelId {
    return this.pod.podId;
  }

  /** Until it is claimed, that of the pod. */
  get kernelId(): KernelId {
    return this.#kernelId ?? this.podId;
  }

  get isSomebodys(): boolean {
    return this.#kernelId !== undefined;
  }

  /** Whether a claim would reach its agent. */
  get up(): boolean {
    return this.#control?.up === true && !this.#news.ended;
  }

  get ended(): boolean {
    return this.#news.ended;
  }

  limitStart(seconds: number): void {
    this.#startTimer = setTimeout(() => {
      const warned = this.#lastWarning === undefined ? '.' : `; the cluster warns: ${this.#lastWarning}`;
      this.fail(`The kernel did not answer within ${seconds} seconds${warned}`);
    }, seconds * 1000);
  }

  // --- what its pod's status says --------------------------------------------------------------------------------

  onPod(pod: V1Pod): void {
    this.node = pod.spec?.nodeName;
    this.#uid = pod.metadata?.uid;
    const verdict = this.#status.take(pod);
    if (verdict.kind === 'running') this.#reach(verdict.address);
    else if (verdict.kind === 'failed' && !this.#news.wasReady) this.fail(verdict.detail, verdict.reason);
    if (agentEnded(pod)) this.#lose();
  }

  /** @param uid  of the pod that it is about: one that is gone had the same name */
  onWarning(uid: string, reason: string, message: string): void {
    if (uid !== this.#uid || this.#news.wasReady) return;
    this.#lastWarning = `${reason}: ${message}`;
    if (MOUNT_REASONS.has(reason)) this.fail(`A volume of the kernel could not be mounted: ${message}`);
  }

  onPodGone(): void {
    this.#removed = true;
    this.#lose();
    this.#control?.close();
    this.#resolveGone();
  }

  /** Its node is silent or gone. */
  onNodeLost(): void {
    this.#lose(0);
  }

  /** The agent is no more: tells it if nothing was told, and removes the pod. */
  #lose(graceSeconds = 1): void {
    if (this.#released) return;
    this.#clearTimers();
    const { code, signal, outOfMemory } = this.#status.end ?? { code: null, signal: null, outOfMemory: false };
    if (this.#stopping) this.#exited(NO_EXIT);
    else if (outOfMemory) this.#exited({ ...NO_EXIT, code, signal, outOfMemory });
    else if (this.#news.wasReady) this.#exited({ ...NO_EXIT, agentLost: true });
    else this.#failed('The agent ended while the kernel started.');
    this.remove(graceSeconds);
  }

  /** The start has failed; the pod goes. */
  fail(detail: string, reason?: LaunchFailure): void {
    if (this.#news.ended) return;
    if (this.#stopping) this.#exited(NO_EXIT);
    else this.#failed(detail, reason);
    this.remove(0);
  }

  /** Makes this warm pod that kernel's. */
  become(kernelId: KernelId, claim: PodClaim, timeoutSeconds: number): void {
    this.#kernelId = kernelId;
    this.#claimed = claim;
    this.#news = this.#newsOf(this.context);
    this.limitStart(timeoutSeconds);
    if (this.#endpoint !== undefined) this.#news.agentUp(this.#endpoint);
    this.#claim();
  }

  /** Ends a pod that nobody wants. */
  dismiss(): void {
    this.remove(0);
  }

  #newsOf(context: PodContext): KernelNews {
    const stats = async () => this.#control?.call('stats').catch(() => undefined);
    return new KernelNews(this.kernelId, this.pod.image, context, stats);
  }

  // --- what others ask -------------------------------------------------------------------------------------------

  async retell(): Promise<void> {
    if (this.#news.ended) return this.#news.retellEnd();
    if (this.#control?.up !== true || this.#endpoint === undefined) return;
    this.#news.agentUp(this.#endpoint);
    if (this.#news.readyIncarnation !== undefined) this.#becomeReady(this.#news.readyIncarnation);
    await this.#news.state();
  }

  stop(graceMs: number): void {
    this.#stopping = true;
    if (this.#news.ended) {
      this.#news.retellEnd();
      this.remove(1);
    } else if (this.#control?.up !== true) {
      this.remove(0);
    } else {
      this.#call('shutdown', { graceMs });
      this.#killTimer ??= setTimeout(() => this.remove(0), graceMs + LAST_RESORT_MS);
    }
  }

  restart(incarnation: number): void {
    this.#incarnation = Math.max(this.#incarnation, incarnation);
    this.#news.again(incarnation);
    // An agent that we have lost touch with hears it when it is found again.
    this.#call('restart', { incarnation });
  }

  async usage(): Promise<KernelUsage | undefined> {
    const stats = await this.#control?.call('stats').catch(() => undefined);
    if (stats === undefined) return undefined;
    const quietMs = Number(stats['quietSeconds']) * 1000;
    return KernelUsage.safeParse({ state: stats['state'], quietMs, cpuSeconds: stats['cpuSeconds'] }).data;
  }

  /** Deletes pod and secret, once. */
  remove(graceSeconds: number): void {
    if (this.#removed || this.#released) return;
    this.#removed = true;
    this.#clearTimers();
    this.context.remove(this.pod, graceSeconds).catch((error: Error) => {
      this.#removed = false;
      this.context.log.warn({ kernelId: this.kernelId, reason: error.message }, 'a pod could not be deleted');
    });
  }

  /** Lets go of agent and kernel without ending them. */
  release(): void {
    this.#released = true;
    this.#clearTimers();
    this.#control?.close();
  }

  // --- the control stream ----------------------------------------------------------------------------------------

  #reach(address: string): void {
    if (this.#endpoint !== undefined || this.#released) return;
    this.#endpoint = endpointOf(this.spec, address);
    this.#control = new AgentControl(this.#endpoint, this.context.term, {
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onEvent: (event) => this.#onEvent(event),
      onOver: (code) => this.#giveUp(code),
    });
  }

  #onWelcome({ claimed, initialised, state, incarnation }: Welcome): void {
    if (this.#endpoint === undefined) return;
    if (this.#kernelId === undefined) {
      if (initialised) this.#onWarm();
      return;
    }
    this.#news.agentUp(this.#endpoint);
    if (!claimed) this.#claim();
    if (this.#stopping) this.stop(0);
    else if (incarnation < this.#incarnation) {
      this.restart(this.#incarnation);
      return;
    }
    this.#incarnation = incarnation;
    // One that ended before it was claimed has never started; of one that was ours, an exit is told as that.
    if (state === 'exited' && claimed) this.#news.readyIncarnation = incarnation;
    if (state === 'idle' || state === 'busy') {
      this.#becomeReady(incarnation);
      void this.#news.state();
    }
  }

  #claim(): void {
    const key = randomBytes(32).toString('hex');
    this.#control?.call('claim', { ...this.#claimed, kernelId: this.kernelId, key }).catch((error: AgentCallError) => {
      // Both are told otherwise: by the exit event, and by the pod's end.
      if (error.code === 'start_failed' || error.code === 'stream_closed') return;
      this.fail(`The kernel could not be claimed: ${error.message}`);
    });
  }

  #giveUp(code: string): void {
    this.context.log.warn({ kernelId: this.kernelId, code }, 'let go of a kernel that another launcher took');
    this.release();
    this.#resolveGone();
  }

  #call(verb: string, args: object): void {
    this.#control?.call(verb, args).catch((error: Error) => {
      this.context.log.info({ kernelId: this.kernelId, verb, reason: error.message }, 'the agent did not carry it out');
    });
  }

  // --- what happens ----------------------------------------------------------------------------------------------

  #onEvent(event: AgentEvent): void {
    if (event.event === 'ready') this.#becomeReady(Number(event['incarnation']));
    else if (event.event === 'initialised') this.#onWarm();
    else if (event.event === 'exit') void this.#onExit(event);
    else if (event.event === 'activity') this.#news.activity(event['state'], event['at']);
  }

  #onWarm(): void {
    if (this.#kernelId === undefined) clearTimeout(this.#startTimer);
    this.#resolveWarmed();
  }

  #becomeReady(incarnation: number): void {
    clearTimeout(this.#startTimer);
    this.#news.ready(incarnation);
  }

  #failed(detail: string, reason?: LaunchFailure): void {
    clearTimeout(this.#startTimer);
    this.#news.failed(detail, reason);
  }

  #exited(how: Exit): void {
    clearTimeout(this.#startTimer);
    this.#news.exited(how);
  }

  async #onExit(event: AgentEvent): Promise<void> {
    if (this.#news.ended) return;
    const { error, incarnation } = event;
    const shown = error === CONTAINER_ENDED ? await this.#status.endWithin(STATUS_MS) : undefined;
    const { code, signal, outOfMemory } = shown ?? exitOf(event);
    if (this.#news.wasReady || this.#stopping || outOfMemory) {
      this.#exited({ code, signal, outOfMemory, incarnation: Number(incarnation), agentLost: false });
      // Nobody waits for the rest of its output, and we may be on our way out too.
      if (this.#stopping) this.remove(1);
      return;
    }
    this.fail(startFailure({ code, signal }, error));
  }

  #clearTimers(): void {
    clearTimeout(this.#startTimer);
    clearTimeout(this.#killTimer);
  }
}

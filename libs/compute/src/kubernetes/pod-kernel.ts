import { randomBytes } from 'node:crypto';
import type { KernelId } from '#libs/contracts';
import type { AgentEvent, Welcome } from '#libs/jupyter';
import { KernelNews } from '../kernel-news.js';
import type { PodAgentSpec } from './manifest.js';
import { PodAgent } from './pod-agent.js';
import type { PodClaim, PodContext } from './pod-context.js';

export interface PodKernelListener {
  /** A warm one has come as far as it can without a claim. */
  onWarm(): void;
  /** Its agent has been reached, again and again, and knows whose it is. */
  onReached(): void;
  onReady(): void;
  onExit(event: AgentEvent): void;
  /** @param detail  a sentence */
  onClaimFailed(detail: string): void;
  /** Its agent speaks no version that we speak. */
  onUnspoken(reason: string): void;
  /** Another launcher has its agent. */
  onOver(): void;
}

const UNSPOKEN = 'an agent of another version is not spoken to';

/** The kernel in a pod as its agent has it: whose it is, which process ought to live, and what was told of it. */
export class PodKernel {
  readonly agent: PodAgent;
  news: KernelNews;
  /** It is to end: it is not started again. */
  stopping = false;
  #claim: PodClaim = { env: {} };
  /** The process that ought to live, as far as we were told. */
  #incarnation = 0;

  /** @param id  undefined for a warm one, of which nothing is told */
  constructor(
    private readonly context: PodContext,
    private readonly pod: { readonly podId: KernelId; readonly image: string },
    spec: PodAgentSpec,
    private id: KernelId | undefined,
    private readonly listener: PodKernelListener,
  ) {
    this.agent = new PodAgent(spec, context.term, {
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onEvent: (event) => this.#onEvent(event),
      onUnspoken: (reason) => {
        context.log.warn({ kernelId: this.kernelId, reason }, UNSPOKEN);
        listener.onUnspoken(reason);
      },
      onOver: (code) => {
        context.log.warn({ kernelId: this.kernelId, code }, 'let go of a kernel that another launcher took');
        listener.onOver();
      },
      onRefused: (verb, reason) =>
        context.log.info({ kernelId: this.kernelId, verb, reason }, 'the agent did not carry it out'),
    });
    this.news = this.#newsOf(id === undefined ? { ...context, tell: () => {} } : context);
  }

  /** Until it is claimed, that of the pod. */
  get kernelId(): KernelId {
    return this.id ?? this.pod.podId;
  }

  get isSomebodys(): boolean {
    return this.id !== undefined;
  }

  /** Makes this warm one that kernel. */
  become(kernelId: KernelId, claim: PodClaim): void {
    this.id = kernelId;
    this.#claim = claim;
    this.news = this.#newsOf(this.context);
    this.tellOfAgent();
    this.#claimIt();
  }

  /**
   * Once its kernel has come so far that its node won't cut it short any more: cells that are sent to an agent go with it, so
   * a kernel that may be launched again has none.
   */
  tellOfAgent(): void {
    if (this.agent.endpoint !== undefined) this.news.agentUp(this.agent.endpoint);
  }

  restart(incarnation: number): void {
    this.#incarnation = Math.max(this.#incarnation, incarnation);
    this.news.again(incarnation);
    this.agent.tell('restart', { incarnation });
  }

  async retell(): Promise<void> {
    if (this.news.ended) return this.news.retellEnd();
    const { endpoint, up } = this.agent;
    if (!up || endpoint === undefined || !this.news.isTold) return;
    this.news.agentUp(endpoint);
    if (this.news.readyIncarnation !== undefined) this.#becomeReady(this.news.readyIncarnation);
    await this.news.state();
  }

  #newsOf(context: PodContext): KernelNews {
    return new KernelNews(this.kernelId, this.pod.image, context, () => this.agent.stats());
  }

  #onWelcome({ claimed, initialised, state, incarnation }: Welcome): void {
    const { endpoint } = this.agent;
    if (endpoint === undefined) return;
    if (this.id === undefined) {
      if (initialised) this.listener.onWarm();
      return;
    }
    if (initialised || state !== 'starting') this.tellOfAgent();
    if (!claimed) this.#claimIt();
    this.listener.onReached();
    if (!this.stopping && incarnation < this.#incarnation) {
      this.restart(this.#incarnation);
      return;
    }
    this.#incarnation = incarnation;
    // One that ended before it was claimed has never started; of one that was ours, an exit is told as that.
    if (state === 'exited' && claimed) this.news.readyIncarnation = incarnation;
    if (state === 'idle' || state === 'busy') {
      this.#becomeReady(incarnation);
      void this.news.state();
    }
  }

  #claimIt(): void {
    const key = randomBytes(32).toString('hex');
    this.agent.claim({ ...this.#claim, kernelId: this.kernelId, key }, ({ message }) =>
      this.listener.onClaimFailed(`The kernel could not be claimed: ${message}`),
    );
  }

  #onEvent(event: AgentEvent): void {
    if (event.event === 'ready') this.#becomeReady(Number(event['incarnation']));
    else if (event.event === 'initialised') this.#onInitialised();
    else if (event.event === 'exit') this.listener.onExit(event);
    else if (event.event === 'activity') this.news.activity(event['state'], event['at']);
  }

  #onInitialised(): void {
    if (this.id !== undefined && !this.news.isTold) this.tellOfAgent();
    this.listener.onWarm();
  }

  #becomeReady(incarnation: number): void {
    if (!this.news.isTold) this.tellOfAgent();
    this.listener.onReady();
    this.news.ready(incarnation);
  }
}

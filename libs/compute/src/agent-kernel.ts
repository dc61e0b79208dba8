import { randomBytes } from 'node:crypto';
import type { KernelId } from '#libs/contracts';
import type { AgentEvent, Welcome } from '#libs/jupyter';
import { AgentControl } from './agent-control.js';
import type { KernelFact } from './kernel-host.js';
import { KernelNews } from './kernel-news.js';
import type { HostLog } from './process/process-host-options.js';

/** What all agents of a host share. */
export interface AgentContext {
  term: number;
  log: HostLog;
  /** What kernels are made from that have said what they are. */
  introduced: Set<string>;
  tell(fact: KernelFact): void;
}

export interface AgentKernelOptions {
  /** What its agent was made for: a kernel, or until it is claimed nobody. */
  madeAs: KernelId;
  isWarm: boolean;
  /** What it is made from: kernels of one origin say the same of themselves. */
  origin: string;
  /** What its agent is told beside whose it is, when it is claimed. */
  claim: object;
  /**
   * Cells that are sent to an agent go with it: where a node may cut a start short and the kernel is launched again, its agent
   * is told of once its kernel has come so far that this won't happen.
   */
  isToldAtOnce: boolean;
}

export interface AgentKernelListener {
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
  /** Its agent lives no more. @see AgentControl.reach */
  onGone?(): void;
}

const UNSPOKEN = 'an agent of another version is not spoken to';

/** A kernel as its agent has it: whose it is, which process ought to live, and what was told of it. */
export class AgentKernel {
  readonly agent: AgentControl;
  news: KernelNews;
  /** It is to end: it is not started again. */
  stopping = false;
  #id: KernelId | undefined;
  #claim: object;
  /** The process that ought to live, as far as we were told. */
  #incarnation = 0;

  constructor(
    private readonly context: AgentContext,
    private readonly options: AgentKernelOptions,
    private readonly listener: AgentKernelListener,
  ) {
    this.#id = options.isWarm ? undefined : options.madeAs;
    this.#claim = options.claim;
    this.agent = new AgentControl(context.term, {
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onEvent: (event) => this.#onEvent(event),
      onRefused: (verb, reason) =>
        context.log.info({ kernelId: this.kernelId, verb, reason }, 'the agent did not carry it out'),
      onUnspoken: (reason) => {
        context.log.warn({ kernelId: this.kernelId, reason }, UNSPOKEN);
        listener.onUnspoken(reason);
      },
      onOver: (code) => {
        context.log.warn({ kernelId: this.kernelId, code }, 'let go of a kernel that another launcher took');
        listener.onOver();
      },
      onGone: () => listener.onGone?.(),
    });
    this.news = this.#newsOf(options.isWarm ? { ...context, tell: () => {} } : context);
  }

  /** Until it is claimed, what its agent was made as. */
  get kernelId(): KernelId {
    return this.#id ?? this.options.madeAs;
  }

  get isSomebodys(): boolean {
    return this.#id !== undefined;
  }

  /** Makes this warm one that kernel. */
  become(kernelId: KernelId, claim: object): void {
    this.#id = kernelId;
    this.#claim = claim;
    this.news = this.#newsOf(this.context);
    this.tellOfAgent();
    this.#claimIt();
  }

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
    if (!this.agent.up || !this.news.isTold) return;
    this.tellOfAgent();
    if (this.news.readyIncarnation !== undefined) this.#becomeReady(this.news.readyIncarnation);
    await this.news.state();
  }

  #newsOf(context: AgentContext): KernelNews {
    return new KernelNews(this.kernelId, this.options.origin, context, () => this.agent.stats());
  }

  #onWelcome({ claimed, initialised, state, incarnation }: Welcome): void {
    if (!this.isSomebodys) {
      if (initialised) this.listener.onWarm();
      return;
    }
    if (this.options.isToldAtOnce || initialised || state !== 'starting') this.tellOfAgent();
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
    if (this.isSomebodys && !this.news.isTold) this.tellOfAgent();
    this.listener.onWarm();
  }

  #becomeReady(incarnation: number): void {
    if (!this.news.isTold) this.tellOfAgent();
    this.listener.onReady();
    this.news.ready(incarnation);
  }
}

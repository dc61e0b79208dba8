import { type AgentEndpoint, type KernelId, KernelInfo } from '#libs/contracts';
import type { KernelFact } from './kernel-host.js';

type Fact<K extends KernelFact['kind']> = Extract<KernelFact, { kind: K }>;
export type Exit = Omit<Fact<'exited'>, 'kind' | 'kernelId'>;
export type LaunchFailure = NonNullable<Fact<'launch-failed'>['reason']>;

/** What was told of one kernel: its end once, and what it is once for each origin. */
export class KernelNews {
  /** The process that was ready last; undefined: none ever. */
  readyIncarnation: number | undefined;
  /** Its agent was told of: somebody's cells may be there. */
  isTold = false;
  #end: KernelFact | undefined;

  /**
   * @param origin  what it is made from: kernels of one origin say the same of themselves
   * @param stats   what its agent says; undefined where none answers
   */
  constructor(
    private readonly kernelId: KernelId,
    private readonly origin: string,
    private readonly context: { tell(fact: KernelFact): void; introduced: Set<string> },
    private readonly stats: () => Promise<Record<string, unknown> | undefined>,
  ) {}

  /** It answered at some time: what ends it now is no failed launch. */
  get wasReady(): boolean {
    return this.readyIncarnation !== undefined;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  agentUp(endpoint: AgentEndpoint): void {
    this.isTold = true;
    this.context.tell({ kind: 'agent-up', kernelId: this.kernelId, endpoint });
  }

  ready(incarnation: number): void {
    this.readyIncarnation = incarnation;
    this.context.tell({ kind: 'ready', kernelId: this.kernelId, incarnation });
    void this.#introduce();
  }

  /** As its agent has it now. */
  async state(): Promise<void> {
    const stats = await this.stats();
    if (stats !== undefined && !this.ended) this.activity(stats['state'], stats['lastActivity']);
  }

  /** @param at  as text, ISO 8601 */
  activity(state: unknown, at: unknown): void {
    if (state !== 'starting' && state !== 'idle' && state !== 'busy' && state !== 'restarting') return;
    this.context.tell({ kind: 'activity', kernelId: this.kernelId, state, at: Date.parse(String(at)) });
  }

  failed(detail: string, reason?: LaunchFailure): void {
    const why = reason === undefined ? {} : { reason };
    this.#conclude({ kind: 'launch-failed', kernelId: this.kernelId, detail, ...why });
  }

  exited(how: Exit): void {
    this.#conclude({ kind: 'exited', kernelId: this.kernelId, ...how });
  }

  retellEnd(): void {
    if (this.#end !== undefined) this.context.tell(this.#end);
  }

  /** A kernel that ended under a living agent starts again; its next end is another. */
  again(incarnation: number): void {
    if (this.#end?.kind === 'exited' && (this.#end.incarnation ?? incarnation) < incarnation) this.#end = undefined;
  }

  #conclude(fact: KernelFact): void {
    if (this.#end !== undefined) return;
    this.#end = fact;
    this.context.tell(fact);
  }

  async #introduce(): Promise<void> {
    const { introduced } = this.context;
    if (introduced.has(this.origin)) return;
    introduced.add(this.origin);
    const info = KernelInfo.safeParse((await this.stats())?.['kernelInfo']);
    if (info.success) this.context.tell({ kind: 'info', kernelId: this.kernelId, info: info.data });
    else introduced.delete(this.origin);
  }
}

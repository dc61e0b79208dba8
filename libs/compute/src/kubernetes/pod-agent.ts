import type { AgentEndpoint, KernelUsage } from '#libs/contracts';
import type { AgentCallError } from '#libs/jupyter';
import { usageOf } from '../usage-of.js';
import { AgentControl, type AgentControlListener } from './agent-control.js';
import { endpointOf, type PodAgentSpec } from './manifest.js';

/** The agent of one pod, as its launcher speaks with it; nothing is said before the pod has an address. */
export class PodAgent {
  /** Where it is reached. */
  endpoint: AgentEndpoint | undefined;
  #control: AgentControl | undefined;
  #closed = false;

  constructor(
    private readonly spec: PodAgentSpec,
    private readonly term: number,
    private readonly listener: AgentControlListener & { onRefused(verb: string, reason: string): void },
  ) {}

  get up(): boolean {
    return this.#control?.up === true;
  }

  /** Once; the stream is connected again and again until it is closed. */
  reach(address: string): void {
    if (this.endpoint !== undefined || this.#closed) return;
    this.endpoint = endpointOf(this.spec, address);
    this.#control = new AgentControl(this.endpoint, this.term, this.listener);
  }

  /** Lets go of it without ending it. */
  close(): void {
    this.#closed = true;
    this.#control?.close();
  }

  /** Undefined where it does not answer. */
  async stats(): Promise<Record<string, unknown> | undefined> {
    return this.#control?.call('stats').catch(() => undefined);
  }

  async usage(): Promise<KernelUsage | undefined> {
    return usageOf(await this.stats());
  }

  /** What comes of it is told by events; one that can't be reached hears it when it is found again. */
  tell(verb: string, args: object): void {
    this.#control?.call(verb, args).catch(({ message }: Error) => this.listener.onRefused(verb, message));
  }

  claim(args: object, onFailure: (error: AgentCallError) => void): void {
    this.#control?.call('claim', args).catch((error: AgentCallError) => {
      // Both are told otherwise: by the exit event, and by the pod's end.
      if (error.code !== 'start_failed' && error.code !== 'stream_closed') onFailure(error);
    });
  }
}

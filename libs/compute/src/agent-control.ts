import { setTimeout as delay } from 'node:timers/promises';
import type { AgentEndpoint, KernelUsage } from '#libs/contracts';
import { AgentCallError, type AgentEvent, AgentStream, type Welcome } from '#libs/jupyter';
import { usageOf } from './usage-of.js';

const RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1000;

export interface AgentControlListener {
  /** On each connection, before what comes over it. */
  onWelcome(welcome: Welcome): void;
  onEvent(event: AgentEvent): void;
  /** It did not carry out what it was told. */
  onRefused(verb: string, reason: string): void;
  /** The agent and we speak no version in common; told once, and tried again: services may go back to what they were. */
  onUnspoken(reason: string): void;
  /** Another launcher has the agent now; nothing comes after this. */
  onOver(code: string): void;
  /** There is nobody to connect to any more. */
  onGone?(): void;
}

/** The control stream to one agent, connected again and again until it is closed; nothing is said before it is reached. */
export class AgentControl {
  /** Where it is reached. */
  endpoint: AgentEndpoint | undefined;
  #stream: AgentStream | undefined;
  #connecting: AgentStream | undefined;
  #isThere = (): boolean => true;
  #closed = false;

  constructor(
    private readonly term: number,
    private readonly listener: AgentControlListener,
  ) {}

  get up(): boolean {
    return this.#stream !== undefined;
  }

  /**
   * Once. Resolves when it has welcomed us, or when there is no more to wait for.
   *
   * @param isThere  asked before each try to connect
   */
  async reach(endpoint: AgentEndpoint, isThere = this.#isThere): Promise<void> {
    if (this.endpoint !== undefined || this.#closed) return;
    this.endpoint = endpoint;
    this.#isThere = isThere;
    await this.#hold();
  }

  /** Lets go of the agent without ending it. */
  close(): void {
    this.#closed = true;
    this.#connecting?.end();
    this.#stream?.end();
    this.#stream = undefined;
  }

  /** Undefined where it does not answer. */
  async stats(): Promise<Record<string, unknown> | undefined> {
    return this.#stream?.call('stats').catch(() => undefined);
  }

  async usage(): Promise<KernelUsage | undefined> {
    return usageOf(await this.stats());
  }

  /** What comes of it is told by events; one that can't be reached hears it when it is found again. */
  tell(verb: string, args: object): void {
    this.#stream?.call(verb, args).catch(({ message }: Error) => this.listener.onRefused(verb, message));
  }

  claim(args: object, onFailure: (error: AgentCallError) => void): void {
    this.#stream?.call('claim', args).catch((error: AgentCallError) => {
      // Both are told otherwise: by the exit event, and by the agent's end.
      if (error.code !== 'start_failed' && error.code !== 'stream_closed') onFailure(error);
    });
  }

  async #hold(unspoken = false): Promise<void> {
    for (let wait = RECONNECT_MS; !this.#closed; wait = Math.min(2 * wait, LONGEST_RECONNECT_MS)) {
      if (!this.#isThere()) return this.listener.onGone?.();
      try {
        return await this.#attach();
      } catch (error) {
        const { code, message } = error as AgentCallError;
        if (this.#isOver(code)) return;
        if (code === 'bad_version' && !unspoken) {
          this.listener.onUnspoken(message);
          void this.#hold(true);
          return;
        }
        await delay(wait, undefined, { ref: false });
      }
    }
  }

  async #attach(): Promise<void> {
    const { socket, controlToken: token, tls } = this.endpoint as AgentEndpoint;
    const stream = AgentStream.connect({ socket, tls, token, role: 'control', term: this.term });
    this.#connecting = stream;
    stream.on('welcome', (welcome) => {
      this.#connecting = undefined;
      if (this.#closed) return stream.end();
      this.#stream = stream;
      this.listener.onWelcome(welcome);
    });
    stream.on('event', (_seq, event) => this.listener.onEvent(event));
    stream.on('close', ({ bye }) => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      if (!this.#isOver(bye?.code)) void this.#hold();
    });
    await stream.opened();
  }

  #isOver(code: string | undefined): boolean {
    if (code !== 'fenced' && code !== 'replaced') return false;
    if (!this.#closed) this.listener.onOver(code);
    this.#closed = true;
    return true;
  }
}

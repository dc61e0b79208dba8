import { setTimeout as delay } from 'node:timers/promises';
import type { AgentEndpoint } from '#libs/contracts';
import { AgentCallError, type AgentEvent, AgentStream, type Welcome } from '#libs/jupyter';

const RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1000;

export interface AgentControlListener {
  /** On each connection, before what comes over it. */
  onWelcome(welcome: Welcome): void;
  onEvent(event: AgentEvent): void;
  /** The agent and we speak no version in common; told once, and tried again: services may go back to what they were. */
  onUnspoken(reason: string): void;
  /** Another launcher has the agent now; nothing comes after this. */
  onOver(code: string): void;
}

/** The control stream to one agent, connected again and again until it is closed. */
export class AgentControl {
  #stream: AgentStream | undefined;
  #connecting: AgentStream | undefined;
  #closed = false;

  constructor(
    private readonly endpoint: AgentEndpoint,
    private readonly term: number,
    private readonly listener: AgentControlListener,
  ) {
    void this.#hold();
  }

  get up(): boolean {
    return this.#stream !== undefined;
  }

  /** Rejects with AgentCallError: the agent's code, or `stream_closed`. */
  call(verb: string, args: object = {}): Promise<Record<string, unknown>> {
    if (this.#stream !== undefined) return this.#stream.call(verb, args);
    return Promise.reject(new AgentCallError('stream_closed', 'The agent can not be reached.'));
  }

  /** Lets go of the agent without ending it. */
  close(): void {
    this.#closed = true;
    this.#connecting?.end();
    this.#stream?.end();
    this.#stream = undefined;
  }

  async #hold(): Promise<void> {
    let told = false;
    for (let wait = RECONNECT_MS; !this.#closed; wait = Math.min(2 * wait, LONGEST_RECONNECT_MS)) {
      try {
        return await this.#attach();
      } catch (error) {
        const { code, message } = error as AgentCallError;
        if (this.#isOver(code)) return;
        if (code === 'bad_version' && !told) this.listener.onUnspoken(message);
        told ||= code === 'bad_version';
        await delay(wait, undefined, { ref: false });
      }
    }
  }

  async #attach(): Promise<void> {
    const { socket, controlToken: token, tls } = this.endpoint;
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

import type { AgentEndpoint } from '#libs/contracts';
import { type AgentEvent, AgentStream, type Bye, type Welcome } from '#libs/jupyter';
import type { ChannelTiming } from './options.js';
import { type Input, SessionInput } from './session-input.js';

const CONFIRM_AFTER_MESSAGES = 32;
const CONFIRM_AFTER_BYTES = 1024 * 1024;

export interface LinkPosition {
  /** What the client stated that it saw. */
  epoch: string | undefined;
  seen: number | undefined;
  /** Nobody can come back to this session. */
  ephemeral: boolean;
  /** When the client's socket was opened, ms: another gateway may hold an older one of the same session. */
  since: number;
}

export interface KernelLinkListener {
  /** A stream opened; `otherRing` when the client or this link knew another one before. */
  welcome(welcome: Welcome, otherRing: boolean): void;
  message(seq: number, frame: Buffer): void;
  event(seq: number, event: AgentEvent): void;
  batch(): void;
  /** The agent took all input up to this number. */
  taken(inputLast: number): void;
  /** All held input went out. */
  accepting(): void;
  /** The stream ended; another is tried until `close`. */
  down(): void;
  /** Agent and we speak no version in common; told once, and tried again, for the service may go back to what it was. */
  unspoken(reason: string): void;
  /** Another socket opened this session. */
  replaced(): void;
}

/** A message or an event of the ring. */
type Entry = { seq: number; frame: Buffer } | { seq: number; event: AgentEvent };

/** A session's way to its kernel: holds input until there is one, and finds back when a stream breaks. */
export class KernelLink {
  readonly #input = new SessionInput();
  #endpoint: AgentEndpoint | null = null;
  /** Until the first welcome of this agent. */
  #waited = false;
  #stream: AgentStream | null = null;
  #open = false;
  #writable = false;
  #confirming = false;
  #paused = false;
  #unspoken = false;
  /** Its agent can be handed what a replaced socket asked. */
  #handsOver = false;
  /** What was read when it was paused. */
  #late: Entry[] = [];
  #held = false;
  #lastTold = 0;
  #retryMs: number;
  #retryTimer: NodeJS.Timeout | null = null;

  constructor(
    private readonly session: string,
    private readonly position: LinkPosition,
    private readonly listener: KernelLinkListener,
    private readonly timing: Pick<ChannelTiming, 'retryFirst' | 'retryMost'>,
  ) {
    this.#retryMs = timing.retryFirst;
  }

  get up(): boolean {
    return this.#open;
  }

  get heldBytes(): number {
    return this.#input.heldBytes;
  }

  /**
   * Goes to this agent from now on; the one it goes to already is left alone.
   *
   * @param waited  the client was there before the kernel, so all that the kernel said is owed to it
   */
  open(endpoint: AgentEndpoint, waited: boolean): void {
    if (this.#endpoint?.socket === endpoint.socket && this.#endpoint.clientToken === endpoint.clientToken) return;
    this.close();
    this.#endpoint = endpoint;
    this.#waited = waited;
    this.#connect();
  }

  /** Lets go of the kernel; held input stays for the next `open`. */
  close(): void {
    for (const entry of this.#late.splice(0)) this.#tell(entry);
    this.#endpoint = null;
    this.#retryMs = this.timing.retryFirst;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    const stream = this.#stream;
    this.#forgetStream();
    stream?.end();
  }

  send(input: Input): void {
    this.#input.add(input);
    this.#flush();
  }

  /** Keeps input back until `release`: a process that is being replaced takes it with it. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#flush();
  }

  /** Forgets the input that the agent is not known to have, and gives it. */
  surrender(): Input[] {
    return this.#input.surrender();
  }

  /** @see SessionInput.withdraw */
  withdraw(wanted: (id: string) => boolean): string[] {
    return this.#input.withdraw(wanted);
  }

  ack(seq: number): void {
    if (this.#open) this.#stream?.ack(seq);
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    const late = this.#late;
    this.#late = [];
    let told = 0;
    while (!this.#paused && told < late.length) this.#tell(late[told++] as Entry);
    this.#late = late.slice(told);
    this.listener.batch();
    if (!this.#paused) this.#stream?.resume();
  }

  #connect(stale = false): void {
    const endpoint = this.#endpoint;
    if (endpoint === null) return;
    const stream = AgentStream.connect({
      socket: endpoint.socket,
      tls: endpoint.tls,
      token: endpoint.clientToken,
      role: 'client',
      session: this.session,
      // What was told on an earlier stream is not yet confirmed by the client, so only its own statement counts.
      ...this.position,
      stale,
      waited: this.#waited,
    });
    this.#stream = stream;
    if (this.#paused) stream.pause();
    stream.on('welcome', (welcome) => {
      if (welcome.stale) void this.#handOver(stream);
      else if (!stale) this.#onWelcome(welcome);
    });
    stream.on('message', (seq, frame) => {
      if (this.#isNew(seq)) this.#take({ seq, frame });
    });
    stream.on('event', (seq, event) => {
      if (this.#isNew(seq)) this.#take({ seq, event });
    });
    stream.on('batch', () => this.listener.batch());
    stream.on('drain', () => {
      this.#writable = true;
      this.#flush();
    });
    stream.on('close', ({ bye }) => {
      if (this.#stream === stream) this.#onClose(bye, stale);
    });
  }

  /** The client's newer socket is at another gateway, which is owed the answers; what was asked here was asked all the same. */
  async #handOver(stream: AgentStream): Promise<void> {
    const asked = this.#input.surrender();
    for (const { frame } of asked) stream.send(0, frame);
    const last = asked.at(-1);
    // The agent takes frames in order.
    if (last !== undefined) await stream.call('lookup', { msg_id: last.id }).catch(() => {});
    if (this.#stream === stream) this.listener.replaced();
  }

  #take(entry: Entry): void {
    if (this.#paused) this.#late.push(entry);
    else this.#tell(entry);
  }

  #tell(entry: Entry): void {
    if ('frame' in entry) this.listener.message(entry.seq, entry.frame);
    else this.listener.event(entry.seq, entry.event);
  }

  #isNew(seq: number): boolean {
    if (seq <= this.#lastTold) return false;
    this.#lastTold = seq;
    if (this.position.ephemeral) this.position.seen = seq;
    return true;
  }

  #onWelcome(welcome: Welcome): void {
    const otherRing = this.position.epoch !== undefined && this.position.epoch !== welcome.epoch;
    if (otherRing) {
      this.#lastTold = 0;
      this.#input.restart();
      this.position.seen = undefined;
    }
    this.position.epoch = welcome.epoch;
    // The agent forgets it with this stream.
    if (this.position.ephemeral) this.position.seen ??= welcome.from ?? welcome.last;
    this.#waited = false;
    this.#open = true;
    this.#writable = true;
    this.#handsOver = welcome.stale !== undefined;
    this.#retryMs = this.timing.retryFirst;
    this.#input.reopen(welcome.inputLast);
    this.listener.welcome(welcome, otherRing);
    this.#flush();
  }

  #onClose(bye: Bye | undefined, stale: boolean): void {
    this.#forgetStream();
    if (bye?.code === 'replaced' || stale) {
      // What was on its way may not have arrived.
      if (this.#handsOver && !stale && this.#input.pending) this.#connect(true);
      else this.listener.replaced();
      return;
    }
    if (bye?.code === 'bad_version' && !this.#unspoken) this.listener.unspoken(bye.reason);
    this.#unspoken ||= bye?.code === 'bad_version';
    // An agent that refuses us would refuse again at once.
    const delay = bye === undefined ? this.#retryMs : this.timing.retryMost;
    this.#retryMs = Math.min(this.#retryMs * 2, this.timing.retryMost);
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    this.listener.down();
  }

  #forgetStream(): void {
    this.#stream = null;
    this.#open = false;
    this.#writable = false;
    this.#confirming = false;
  }

  #flush(): void {
    if (!this.#writable || this.#held || this.#stream === null) return;
    while (this.#writable) {
      const input = this.#input.take();
      if (input === undefined) break;
      this.#writable = this.#stream.send(input.number, input.frame);
    }
    this.#confirm(this.#stream);
    if (this.heldBytes === 0) this.listener.accepting();
  }

  /** The agent takes frames in order: its answer to any call proves that it took what went before. */
  #confirm(stream: AgentStream): void {
    const newest = this.#input.newest;
    const many =
      this.#input.unconfirmedCount >= CONFIRM_AFTER_MESSAGES || this.#input.unconfirmedBytes >= CONFIRM_AFTER_BYTES;
    if (newest === undefined || !many || this.#confirming) return;
    this.#confirming = true;
    stream.call('lookup', { msg_id: newest.id }).then(
      () => {
        if (this.#stream !== stream) return;
        this.#confirming = false;
        this.#input.confirm(newest.number);
        this.listener.taken(newest.number);
        this.#confirm(stream);
      },
      // The stream ended: the next welcome says what the agent has.
      () => {},
    );
  }
}

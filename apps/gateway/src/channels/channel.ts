import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { Kernel, WaitExplanation } from '#libs/contracts';
import {
  type AgentEvent,
  isIopub,
  MalformedMessage,
  Part,
  parentId,
  parseHeader,
  peekV1,
  recycleBody,
  type Welcome,
} from '#libs/jupyter';
import type { ChannelMetrics } from './channel-metrics.js';
import type { ClientSocket, ClientSocketListener } from './client-socket.js';
import { endSentence } from './end-sentences.js';
import type { ClientFraming } from './framing/client-framing.js';
import { gatewayMessage } from './gateway-message.js';
import { KernelLink, type KernelLinkListener, type LinkPosition } from './kernel-link.js';
import { OpenRequests } from './open-requests.js';
import type { ChannelTiming } from './options.js';
import { WaitNotice } from './wait-notice.js';

/** The last message is kept for its header; a larger one is recycled. */
const KEPT_FRAME_BYTES = 64 * 1024;
const LIVE_PHASES: readonly string[] = ['starting', 'ready', 'stopping'];

/** What one channel is made of. */
export interface ChannelParts {
  client: ClientSocket;
  framing: ClientFraming;
  session: string;
  position: LinkPosition;
  explain: () => Promise<WaitExplanation | null>;
  pendingBytes: number;
  timing: ChannelTiming;
  metrics: ChannelMetrics;
  /** The client is gone. */
  onClosed: () => void;
}

/** Relays between one client's socket and its kernel, through the kernel's whole life: waiting, running, ended. */
export class Channel implements ClientSocketListener, KernelLinkListener {
  readonly #log = new Logger(Channel.name);
  readonly #requests = new OpenRequests();
  readonly #notice: WaitNotice;
  readonly #link: KernelLink;
  readonly #ownSession = randomUUID();
  #kernel: Kernel | null = null;
  #lastFrame: Buffer | null = null;
  #exitTold = false;
  #ended: Kernel | null = null;
  /** The end of the last process was told, and what is asked since then is for the next one. */
  #deathTold = false;
  #endTimer: NodeJS.Timeout | null = null;
  #inputPaused = false;
  #restarting = false;
  #released = false;

  constructor(private readonly parts: ChannelParts) {
    const { session, position, timing, explain } = parts;
    this.#link = new KernelLink(session, position, this, timing);
    this.#notice = new WaitNotice((frame) => this.#publish(frame), explain, this.#ownSession, timing);
  }

  /** The kernel's row, at the start and at each change. */
  kernelChanged(kernel: Kernel): void {
    if (this.#released || (this.#kernel !== null && kernel.revision <= this.#kernel.revision)) return;
    const first = this.#kernel === null;
    this.#kernel = kernel;
    if (kernel.phase === 'ended') {
      this.#onEnded(kernel);
      return;
    }
    const revived = this.#clearEnd();
    this.#followRestart(kernel);
    if (kernel.endpoint !== null && this.#isLive()) {
      this.#link.open(kernel.endpoint);
      return;
    }
    this.#link.close();
    if (first || revived) this.#tell('status', { execution_state: 'starting' });
    this.#notice.changed();
  }

  /** Input that no agent was sent yet, bytes. */
  get heldBytes(): number {
    return this.#link.heldBytes;
  }

  /** Takes over from an older socket of the same session: what it asked and could not send yet. Before `replaced`. */
  adopt(older: Channel): void {
    this.#requests.adopt(older.#requests);
    for (const input of older.#link.surrender()) this.#link.send(input);
    const { running } = this.#requests;
    if (!this.#isLive() && running !== undefined) this.#notice.watch(running);
  }

  /** Ends the socket from our side. */
  close(code: number, reason: string): void {
    this.#release();
    this.parts.client.close(code, reason);
  }

  received(data: Buffer, binary: boolean): void {
    if (this.#released) return;
    this.parts.metrics.fromClient(data.length);
    try {
      const { number, message } = this.parts.framing.read(data, binary);
      this.#requests.sent(message);
      if (this.#ended !== null && !this.#link.up) {
        this.#failRequests('KernelEnded', endSentence(this.#ended));
        return;
      }
      if (!this.#isLive()) this.#notice.held(message);
      this.#link.send({ number, id: message.header.msg_id, frame: message.frame });
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#log.warn({ kernelId: this.#kernel?.id, msg: 'message of a client ignored', reason: error.detail });
      this.#tell('stream', { name: 'stderr', text: `Beamgate ignored a message: ${error.detail}\n` });
    }
    if (!this.#inputPaused && this.#link.heldBytes >= this.parts.pendingBytes) {
      this.#inputPaused = true;
      this.parts.client.pause();
    }
  }

  confirmed(seq: number): void {
    this.#link.ack(seq);
  }

  congested(): void {
    this.#link.pause();
  }

  relieved(): void {
    this.#link.resume();
  }

  closed(): void {
    this.#release();
    this.parts.onClosed();
  }

  welcome(welcome: Welcome, otherRing: boolean): void {
    this.#exitTold = false;
    this.#notice.clear();
    if (otherRing) {
      this.parts.client.ringChanged();
      this.#lastFrame = null;
      if (!this.#deathTold) this.#failRequests('KernelRestarted', 'The kernel was restarted; its variables are lost.');
    }
    this.parts.framing.welcome(this.parts.client, welcome);
    if (otherRing && !this.#deathTold) this.#tell('status', { execution_state: 'restarting' });
    this.#deathTold = false;
  }

  message(seq: number, frame: Buffer): void {
    if (!isIopub(frame)) this.#onReply(frame);
    else if (isRestarting(frame)) {
      this.#onNewProcess(seq);
      return;
    }
    if (frame.length < KEPT_FRAME_BYTES) this.#lastFrame = frame;
    try {
      this.parts.framing.write(this.parts.client, seq, frame);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#log.warn({ kernelId: this.#kernel?.id, msg: 'message of a kernel left out', reason: error.detail });
    }
    if (!this.parts.framing.passesFrames) recycleBody(frame);
    this.parts.client.told(seq);
  }

  event(seq: number, event: AgentEvent): void {
    const told = this.parts.framing.event(this.parts.client, seq, event);
    this.parts.client.told(seq);
    if (event.event === 'dropped' && !told) {
      const text = `Beamgate: ${event['messages']} messages (${event['bytes']} bytes) of output were dropped here, because nobody was connected to take them.\n`;
      this.#tell('stream', { name: 'stderr', text }, this.#requests.running);
    }
    if (event.event === 'ready') this.#exitTold = false;
    if (event.event === 'exit') {
      this.#exitTold = true;
      if (this.#ended !== null) this.#finish(this.#ended);
    }
  }

  batch(): void {
    this.parts.client.flush();
  }

  accepting(): void {
    if (!this.#inputPaused) return;
    this.#inputPaused = false;
    this.parts.client.resume();
  }

  down(): void {
    if (this.#ended !== null) this.#finish(this.#ended);
  }

  replaced(): void {
    this.close(1012, 'replaced by a newer connection of this session');
  }

  #isLive(): boolean {
    return this.#kernel !== null && LIVE_PHASES.includes(this.#kernel.phase);
  }

  #onReply(frame: Buffer): void {
    if (peekV1(frame, Part.channel).toString('latin1') === 'stdin') return;
    const id = parentId(peekV1(frame, Part.parentHeader));
    if (id !== undefined) this.#requests.answered(id);
  }

  /** From the request on, what is asked belongs to the new process; what was asked before is over. */
  #followRestart({ phase, executionState }: Kernel): void {
    const restarting = ['starting', 'ready'].includes(phase) && executionState === 'restarting';
    if (restarting && !this.#restarting) {
      this.#failRequests('KernelRestarted', 'The kernel was restarted before this was done; its variables are lost.');
      this.#link.hold();
    } else if (!restarting) this.#link.release();
    this.#restarting = restarting;
  }

  /**
   * The agent has let go of the old process. Told as `starting`: upon `restarting` notebooks say that the kernel died
   * and forget what they asked meanwhile, and this restart was asked for.
   */
  #onNewProcess(seq: number): void {
    const status = gatewayMessage('iopub', 'status', { execution_state: 'starting' }, this.#session());
    this.parts.framing.write(this.parts.client, seq, status);
    this.parts.client.told(seq);
    this.#lastFrame = null;
    this.#link.release();
  }

  /** The kernel's last output comes before the news of its end, unless it takes long. */
  #onEnded(kernel: Kernel): void {
    if (this.#ended !== null) return;
    this.#ended = kernel;
    if (!this.#link.up || this.#exitTold) this.#finish(kernel);
    else this.#endTimer = setTimeout(() => this.#finish(kernel), this.parts.timing.drain);
  }

  #finish(kernel: Kernel): void {
    if (this.#endTimer !== null) clearTimeout(this.#endTimer);
    this.#link.close();
    this.#link.surrender();
    this.#notice.clear();
    this.#failRequests('KernelEnded', endSentence(kernel));
    this.#tell('status', { execution_state: 'dead' });
    this.#deathTold = true;
    // It stays a while: what is still asked is answered, and a kernel that re-enters the queue is picked up.
    this.#endTimer = setTimeout(() => this.close(1000, 'the kernel ended'), this.parts.timing.linger);
    this.#endTimer.unref();
    this.accepting();
  }

  /** Whether the kernel had been told to be dead before. */
  #clearEnd(): boolean {
    const ended = this.#ended !== null;
    if (this.#endTimer !== null) clearTimeout(this.#endTimer);
    this.#endTimer = null;
    this.#ended = null;
    return ended;
  }

  #failRequests(ename: string, evalue: string): void {
    for (const frame of this.#requests.fail(ename, evalue, this.#session())) this.#publish(frame);
  }

  #tell(type: string, content: object, parent?: Buffer): void {
    this.#publish(gatewayMessage('iopub', type, content, this.#session(), parent));
  }

  #publish(frame: Buffer): void {
    this.parts.framing.write(this.parts.client, 0, frame);
  }

  #session(): string {
    const header = this.#lastFrame === null ? undefined : peekV1(this.#lastFrame, Part.header);
    try {
      return (header === undefined ? undefined : parseHeader(header).session) ?? this.#ownSession;
    } catch {
      return this.#ownSession;
    }
  }

  #release(): void {
    this.#released = true;
    this.#clearEnd();
    this.#notice.clear();
    this.#link.close();
  }
}

/** An unparented status of a kernel that is being replaced. */
function isRestarting(frame: Buffer): boolean {
  if (peekV1(frame, Part.parentHeader).length > 2) return false;
  const content = peekV1(frame, Part.content);
  return content.length < 64 && content.includes('"restarting"');
}

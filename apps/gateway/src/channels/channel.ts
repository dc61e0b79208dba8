import { Logger } from '@nestjs/common';
import type { Kernel, KernelInfo, WaitExplanation } from '#libs/contracts';
import {
  type AgentEvent,
  isIopub,
  MalformedMessage,
  Part,
  parentId,
  peekV1,
  recycleBody,
  type Welcome,
} from '#libs/jupyter';
import type { ChannelMetrics } from './channel-metrics.js';
import type { ClientSocket, ClientSocketListener } from './client-socket.js';
import { EndWarning } from './end-warning.js';
import type { ClientFraming } from './framing/client-framing.js';
import { KernelLink, type KernelLinkListener, type LinkPosition } from './kernel-link.js';
import type { MalformedInput } from './malformed-input.js';
import { OpenRequests } from './open-requests.js';
import type { ChannelTiming } from './options.js';
import { OwnMessages } from './own-messages.js';
import { ProcessEnds } from './process-ends.js';
import { QueuedRequests } from './queued-requests.js';
import { WaitNotice } from './wait-notice.js';

const RESTARTED = 'The kernel was restarted before this was done; its variables are lost.';
const LIVE_PHASES: readonly string[] = ['starting', 'ready', 'stopping'];

/** What one channel is made of. */
export interface ChannelParts {
  client: ClientSocket;
  framing: ClientFraming;
  session: string;
  position: LinkPosition;
  explain: () => Promise<WaitExplanation | null>;
  /** What kernels of this environment say of themselves. */
  info: () => Promise<KernelInfo | undefined>;
  pendingBytes: number;
  malformed: MalformedInput;
  timing: ChannelTiming;
  metrics: ChannelMetrics;
  /** The client is gone, or its socket was set aside. */
  onClosed: () => void;
  /** Its session was opened again on another socket; this one is still open, and nobody's. */
  onReplaced: () => void;
}

/** Relays between one client's socket and its kernel, through the kernel's whole life: waiting, running, ended. */
export class Channel implements ClientSocketListener, KernelLinkListener {
  readonly #log = new Logger(Channel.name);
  readonly #requests = new OpenRequests();
  readonly #notice: WaitNotice;
  readonly #warning: EndWarning;
  readonly #link: KernelLink;
  readonly #own: OwnMessages;
  readonly #queued: QueuedRequests;
  readonly #ends: ProcessEnds;
  #kernel: Kernel | null = null;
  #inputPaused = false;
  #restarting = false;
  #released = false;

  constructor(private readonly parts: ChannelParts) {
    const { client, framing, session, position, timing, explain, info } = parts;
    this.#own = new OwnMessages(framing, client);
    this.#link = new KernelLink(session, position, this, timing);
    this.#warning = new EndWarning((type, content, parent) => this.#own.tell(type, content, parent));
    this.#notice = new WaitNotice(this.#own, explain, timing);
    this.#queued = new QueuedRequests(this.#requests, this.#link, this.#own, this.#notice, info);
    this.#ends = new ProcessEnds(this.#own, this.#requests, this.#link, timing, {
      lastCell: () => this.#warning.cell,
      ending: () => {
        this.#notice.clear();
        this.accepting();
      },
      over: () => this.close(1000, 'the kernel ended'),
    });
  }

  /** The kernel's row, at the start and at each change. */
  kernelChanged(kernel: Kernel): void {
    if (this.#released || (this.#kernel !== null && kernel.revision <= this.#kernel.revision)) return;
    const first = this.#kernel === null;
    this.#kernel = kernel;
    this.#warning.changed(kernel);
    if (kernel.phase === 'ended') {
      this.#ends.ended(kernel, first);
      return;
    }
    const revived = this.#ends.revived();
    this.#followRestart(kernel, first);
    if (kernel.endpoint !== null && this.#isLive()) {
      this.#link.open(kernel.endpoint, !first || (kernel.phase === 'starting' && !this.#restarting));
      if (kernel.phase === 'starting') this.#notice.changed();
      else this.#notice.clear();
      return;
    }
    this.#link.close();
    if (first || revived) this.#own.tell('status', { execution_state: 'starting' });
    this.#notice.changed();
  }

  /** Input that no agent was sent yet, bytes. */
  get heldBytes(): number {
    return this.#link.heldBytes;
  }

  /** Takes over from an older socket of the same session: what it asked and could not send yet. Before `replaced`. */
  adopt(older: Channel): void {
    this.#requests.adopt(older.#requests);
    this.#warning.adopt(older.#warning);
    for (const input of older.#link.surrender()) this.#link.send(input);
    const { running } = this.#requests;
    if (!this.#answers() && running !== undefined) this.#notice.watch(running);
    if (this.#kernel?.phase === 'queued') this.#queued.adopted();
  }

  /** The user wants no more what was asked of a kernel that has no process yet. */
  interrupted(): void {
    this.#queued.takeBack();
  }

  /** Ends the socket from our side. */
  close(code: number, reason: string): void {
    this.#release();
    this.parts.client.close(code, reason);
  }

  /** Asks the client to come back later; until it has closed, what it still sends goes to the kernel. */
  leave(code: number, reason: string, graceMs: number): void {
    this.parts.client.leave(code, reason, graceMs);
  }

  received(data: Buffer, binary: boolean): void {
    if (this.#released) return;
    this.parts.metrics.fromClient(data.length);
    try {
      const { number, message } = this.parts.framing.read(data, binary);
      this.parts.malformed.good();
      this.#requests.sent(message);
      this.#warning.asked(message);
      if (this.#ends.answer()) return;
      if (!this.#answers()) this.#notice.held(message);
      this.#link.send({ number, id: message.header.msg_id, frame: message.frame });
      if (this.#kernel?.phase === 'queued') this.#queued.received(message);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#onMalformed(error.detail);
      return;
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

  /** Its session stays: it may come back, and its kernel waits for it no longer. */
  stalled(): void {
    this.#log.warn({ kernelId: this.#kernel?.id, msg: 'a client that reads nothing is let go' });
    this.close(1013, 'nothing of what waits was taken: come back');
  }

  closed(): void {
    this.#release();
    this.parts.onClosed();
  }

  welcome(welcome: Welcome, otherRing: boolean): void {
    const untold = this.#ends.ringOpened() && otherRing;
    if (otherRing) {
      this.parts.client.ringChanged();
      this.#own.forget();
    }
    if (untold) this.#ends.fail('KernelRestarted', 'The kernel was restarted; its variables are lost.');
    this.parts.framing.welcome(this.parts.client, welcome);
    this.#warning.connected(welcome.lastCell ?? null);
    if (untold) this.#own.tell('status', { execution_state: 'restarting' });
  }

  message(seq: number, frame: Buffer): void {
    if (!isIopub(frame)) this.#onReply(frame);
    else if (isRestarting(frame)) {
      this.#onNewProcess(seq);
      return;
    }
    this.#own.heard(frame);
    // Its process tells of itself before it tells of a request.
    if (this.#notice.pending && hasParent(frame)) this.#notice.clear();
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
      // Another gateway may have sent the cell; the agent knows which it was.
      this.#own.tell('stream', { name: 'stderr', text }, this.#requests.running ?? this.#warning.cell ?? undefined);
    }
    if (event.event === 'ready') this.#ends.processUp();
    if (event.event === 'exit') this.#ends.exitSeen();
  }

  batch(): void {
    this.parts.client.flush();
  }

  taken(inputLast: number): void {
    this.parts.framing.taken(this.parts.client, inputLast);
  }

  accepting(): void {
    if (!this.#inputPaused) return;
    this.#inputPaused = false;
    this.parts.client.resume();
  }

  down(): void {
    this.#ends.streamDown();
  }

  /** What the client sent is kept until the agent can be spoken to: it may have no copy. */
  unspoken(reason: string): void {
    this.#log.warn({ kernelId: this.#kernel?.id, msg: 'an agent of another version is not spoken to', reason });
  }

  replaced(): void {
    if (this.#released) return;
    this.#release();
    this.parts.client.letGo();
    this.parts.onClosed();
    this.parts.onReplaced();
  }

  #onMalformed(reason: string): void {
    const { tooMany, tell } = this.parts.malformed.bad();
    if (tell > 0) {
      this.#log.warn({ kernelId: this.#kernel?.id, msg: 'messages of a client ignored', count: tell, reason });
      const what = tell === 1 ? 'a message' : `${tell} messages, the last`;
      this.#own.tell('stream', { name: 'stderr', text: `Beamgate ignored ${what}: ${reason}\n` });
    }
    if (tooMany) this.close(1007, 'too many malformed messages in a row');
  }

  #isLive(): boolean {
    return this.#kernel !== null && LIVE_PHASES.includes(this.#kernel.phase);
  }

  /** Its agent may be there before its process is. */
  #answers(): boolean {
    return this.#isLive() && this.#kernel?.phase !== 'starting';
  }

  #onReply(frame: Buffer): void {
    if (peekV1(frame, Part.channel).toString('latin1') === 'stdin') return;
    const id = parentId(peekV1(frame, Part.parentHeader));
    if (id !== undefined) this.#requests.answered(id);
  }

  /** From the request on, what is asked belongs to the new process; what was asked before is over. */
  #followRestart(kernel: Kernel, first: boolean): void {
    const restarting = ['starting', 'ready'].includes(kernel.phase) && kernel.executionState === 'restarting';
    if (restarting && !this.#restarting) {
      if (kernel.detail === '') this.#ends.fail('KernelRestarted', RESTARTED);
      else if (!first) this.#ends.died(kernel.detail);
      this.#link.hold();
    } else if (!restarting) {
      this.#ends.restarted();
      this.#link.release();
    }
    this.#restarting = restarting;
  }

  /**
   * The agent has let go of the old process. Told as `starting`: upon `restarting` notebooks say that the kernel died
   * and forget what they asked meanwhile, and this restart was asked for.
   */
  #onNewProcess(seq: number): void {
    this.#ends.letGo();
    this.#own.tell('status', { execution_state: 'starting' }, undefined, seq);
    this.parts.client.told(seq);
    this.#own.forget();
    this.#link.release();
  }

  #release(): void {
    this.#released = true;
    this.#ends.stop();
    this.#notice.clear();
    this.#link.close();
  }
}

const hasParent = (frame: Buffer): boolean => peekV1(frame, Part.parentHeader).length > 2;

/** An unparented status of a kernel that is being replaced. */
function isRestarting(frame: Buffer): boolean {
  if (hasParent(frame)) return false;
  const content = peekV1(frame, Part.content);
  return content.length < 64 && content.includes('"restarting"');
}

import { Logger } from '@nestjs/common';
import type { Kernel, KernelInfo, WaitExplanation } from '#libs/contracts';
import type { CullingRules } from '#libs/domain';
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
import { endSentence } from './end-sentences.js';
import { EndWarning } from './end-warning.js';
import type { ClientFraming } from './framing/client-framing.js';
import { KernelLink, type KernelLinkListener } from './kernel-link.js';
import { OpenRequests } from './open-requests.js';
import type { ChannelTiming } from './options.js';
import { OwnMessages } from './own-messages.js';
import { QueuedRequests } from './queued-requests.js';
import { WaitNotice } from './wait-notice.js';

const RESTARTED = 'The kernel was restarted before this was done; its variables are lost.';
const LIVE_PHASES: readonly string[] = ['starting', 'ready', 'stopping'];

/** What one channel is made of. */
export interface ChannelParts {
  client: ClientSocket;
  framing: ClientFraming;
  session: string;
  /** What the client stated that it saw. */
  position: { epoch: string | undefined; seen: number | undefined };
  explain: () => Promise<WaitExplanation | null>;
  /** What kernels of this environment say of themselves. */
  info: () => Promise<KernelInfo | undefined>;
  pendingBytes: number;
  culling: CullingRules;
  /** When this service started, ms since the epoch. */
  since: number;
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
  readonly #warning: EndWarning;
  readonly #link: KernelLink;
  readonly #own: OwnMessages;
  readonly #queued: QueuedRequests;
  #kernel: Kernel | null = null;
  #exitTold = false;
  #ended: Kernel | null = null;
  /** The end of the last process was told, and what is asked since then is for the next one. */
  #deathTold = false;
  /** The kernel had ended before this socket came, and no cell was told why yet. */
  #cameLate = false;
  #endTimer: NodeJS.Timeout | null = null;
  #inputPaused = false;
  #restarting = false;
  /** Its process died with these requests and is started again; nobody was told yet. */
  #died: { detail: string; requests: readonly string[]; timer: NodeJS.Timeout } | null = null;
  #released = false;

  constructor(private readonly parts: ChannelParts) {
    const { client, framing, session, position, timing, explain, info, culling, since } = parts;
    this.#own = new OwnMessages(framing, client);
    this.#link = new KernelLink(session, position, this, timing);
    this.#queued = new QueuedRequests(this.#requests, this.#link, this.#own, info);
    this.#warning = new EndWarning((type, content, parent) => this.#own.tell(type, content, parent), culling, since);
    this.#notice = new WaitNotice(this.#own, explain, timing);
  }

  /** The kernel's row, at the start and at each change. */
  kernelChanged(kernel: Kernel): void {
    if (this.#released || (this.#kernel !== null && kernel.revision <= this.#kernel.revision)) return;
    const first = this.#kernel === null;
    this.#kernel = kernel;
    if (first) this.#cameLate = kernel.phase === 'ended';
    this.#warning.changed(kernel);
    if (kernel.phase === 'ended') {
      this.#onEnded(kernel);
      return;
    }
    const revived = this.#clearEnd();
    this.#followRestart(kernel, first);
    if (kernel.endpoint !== null && this.#isLive()) {
      this.#link.open(kernel.endpoint);
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
    if (older.#warning.cell !== null) this.#warning.asked(older.#warning.cell);
    for (const input of older.#link.surrender()) this.#link.send(input);
    const { running } = this.#requests;
    if (!this.#isLive() && running !== undefined) this.#notice.watch(running);
    if (this.#kernel?.phase === 'queued') this.#queued.adopted();
  }

  /** The user wants no more what was asked of a kernel that has no process yet. */
  interrupted(): void {
    this.#notice.clear();
    this.#queued.takeBack();
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
      if (message.header.msg_type === 'execute_request') this.#warning.asked(Buffer.from(message.message.header));
      if (this.#ended !== null && !this.#link.up) {
        const late = this.#cameLate && this.#requests.running !== undefined;
        this.#failRequests('KernelEnded', endSentence(this.#ended));
        if (late) this.#tellDead();
        return;
      }
      if (!this.#isLive()) this.#notice.held(message);
      this.#link.send({ number, id: message.header.msg_id, frame: message.frame });
      if (this.#kernel?.phase === 'queued') this.#queued.received(message);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#log.warn({ kernelId: this.#kernel?.id, msg: 'message of a client ignored', reason: error.detail });
      this.#own.tell('stream', { name: 'stderr', text: `Beamgate ignored a message: ${error.detail}\n` });
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
    if (otherRing) {
      this.parts.client.ringChanged();
      this.#own.forget();
      if (!this.#deathTold) this.#failRequests('KernelRestarted', 'The kernel was restarted; its variables are lost.');
    }
    this.parts.framing.welcome(this.parts.client, welcome);
    if (otherRing && !this.#deathTold) this.#own.tell('status', { execution_state: 'restarting' });
    this.#deathTold = false;
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
      this.#own.tell('stream', { name: 'stderr', text }, this.#requests.running);
    }
    if (event.event === 'ready') this.#exitTold = false;
    if (event.event === 'exit') {
      this.#exitTold = true;
      this.#tellDeath();
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
  #followRestart(kernel: Kernel, first: boolean): void {
    const restarting = ['starting', 'ready'].includes(kernel.phase) && kernel.executionState === 'restarting';
    if (restarting && !this.#restarting) {
      if (kernel.detail === '') this.#failRequests('KernelRestarted', RESTARTED);
      else if (!first) this.#onDied(kernel);
      this.#link.hold();
    } else if (!restarting) {
      this.#tellDeath();
      this.#link.release();
    }
    this.#restarting = restarting;
  }

  /** Its last output comes before the news that it is started again, unless it takes long. */
  #onDied({ detail }: Kernel): void {
    const timer = setTimeout(() => this.#tellDeath(), this.parts.timing.drain);
    this.#died = { detail, requests: this.#requests.ids, timer };
    if (!this.#link.up || this.#exitTold) this.#tellDeath();
  }

  /** Why first; then `restarting`, upon which notebooks say so and connect anew. */
  #tellDeath(): void {
    if (this.#died === null) return;
    const { detail, requests, timer } = this.#died;
    clearTimeout(timer);
    this.#died = null;
    this.#tellWhy('KernelDied', `${detail} It was started again; its variables are lost.`, requests);
    this.#own.tell('status', { execution_state: 'restarting' });
  }

  /**
   * The agent has let go of the old process. Told as `starting`: upon `restarting` notebooks say that the kernel died
   * and forget what they asked meanwhile, and this restart was asked for.
   */
  #onNewProcess(seq: number): void {
    this.#tellDeath();
    this.#own.tell('status', { execution_state: 'starting' }, undefined, seq);
    this.parts.client.told(seq);
    this.#own.forget();
    this.#link.release();
  }

  /** The kernel's last output comes before the news of its end, unless it takes long. */
  #onEnded(kernel: Kernel): void {
    this.#tellDeath();
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
    this.#tellWhy('KernelEnded', endSentence(kernel), this.#requests.ids, kernel.endReason === 'shut-down');
    // A notebook that is told `dead` runs no cell any more, and so would never say why.
    if (!this.#cameLate) this.#tellDead();
    // It stays a while: what is still asked is answered, and a kernel that re-enters the queue is picked up.
    this.#endTimer = setTimeout(() => {
      if (this.#cameLate) this.#tellDead();
      this.close(1000, 'the kernel ended');
    }, this.parts.timing.linger);
    this.#endTimer.unref();
    this.accepting();
  }

  #tellDead(): void {
    this.#cameLate = false;
    this.#own.tell('status', { execution_state: 'dead' });
    this.#deathTold = true;
  }

  /** In the cells that wait; where none does, and it was not asked for, in the one that was run last. */
  #tellWhy(ename: string, evalue: string, requests: readonly string[], wished = false): void {
    const { cell } = this.#warning;
    const waits = this.#requests.idsOf('execute_request').some((id) => requests.includes(id));
    this.#failRequests(ename, evalue, requests);
    if (waits || cell === null || wished) return;
    this.#own.tell('stream', { name: 'stderr', text: `${evalue}\n` }, cell);
  }

  /** Whether the kernel had been told to be dead before. */
  #clearEnd(): boolean {
    const ended = this.#ended !== null;
    if (this.#endTimer !== null) clearTimeout(this.#endTimer);
    this.#endTimer = null;
    this.#ended = null;
    this.#cameLate = false;
    return ended;
  }

  #failRequests(ename: string, evalue: string, ids: readonly string[] = this.#requests.ids): void {
    this.#own.publish(this.#requests.fail(ename, evalue, this.#own.session, ids));
  }

  #release(): void {
    this.#released = true;
    clearTimeout(this.#died?.timer);
    this.#died = null;
    this.#clearEnd();
    this.#notice.clear();
    this.#warning.stop();
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

import type { Kernel } from '#libs/contracts';
import { endSentence } from './end-sentences.js';
import type { KernelLink } from './kernel-link.js';
import type { OpenRequests } from './open-requests.js';
import type { ChannelTiming } from './options.js';
import type { OwnMessages } from './own-messages.js';

export interface ProcessEndsListener {
  /** Header part of the cell that was run last. */
  lastCell(): Buffer | null;
  /** The kernel has ended, and that is being told. */
  ending(): void;
  /** Nobody needs the socket any more. */
  over(): void;
}

/**
 * Tells a client that the kernel's process ended: why, after its last output, in the cells that wait; then `dead`, or
 * `restarting` where it is started again.
 */
export class ProcessEnds {
  #ended: Kernel | null = null;
  #exitSeen = false;
  /** The end of the last process was told, and what is asked since then is for the next one. */
  #deathTold = false;
  /** The kernel had ended before a cell was sent on this socket, and none was told why yet. */
  #cameLate = false;
  #timer: NodeJS.Timeout | undefined;
  /** Why it is being started again, as its row says; null once it is there again. */
  #restarts: string | null = null;
  /** Requests that were open when the process ended, until its end is told. */
  #lost: readonly string[] | null = null;
  /** The end of the last process was told before the next one came. */
  #told = false;
  /** It was told before its row said so, if that ever does: of two deaths that follow each other the row may show one. */
  #ahead = false;
  /** It died with these requests and is started again; nobody was told yet. */
  #died: { detail: string; requests: readonly string[]; timer: NodeJS.Timeout } | null = null;

  constructor(
    private readonly own: OwnMessages,
    private readonly requests: OpenRequests,
    private readonly link: Pick<KernelLink, 'up' | 'close' | 'surrender'>,
    private readonly timing: Pick<ChannelTiming, 'drain' | 'linger'>,
    private readonly listener: ProcessEndsListener,
  ) {}

  /** The kernel's last output comes before the news of its end, unless it takes long. */
  ended(kernel: Kernel, first: boolean): void {
    this.tellRestart();
    if (this.#ended !== null) return;
    this.#ended = kernel;
    // A notebook asks what kernel it has before it sends its first cell, and the launch may fail in between.
    this.#cameLate = first || (kernel.readyAt === null && this.requests.running === undefined);
    if (!this.link.up || this.#exitSeen) this.#finish(kernel);
    else this.#timer = setTimeout(() => this.#finish(kernel), this.timing.drain);
  }

  /** Its process died and is started again. */
  died(detail: string): void {
    this.#restarts = detail;
    const ahead = this.#ahead;
    this.#ahead = false;
    if (ahead) return;
    const over = this.#lost !== null;
    const timer = setTimeout(() => this.tellRestart(), this.timing.drain);
    this.#died = { detail, requests: this.#lost ?? this.requests.ids, timer };
    if (!this.link.up || over) this.tellRestart();
  }

  /** Why first; then `restarting`, upon which notebooks say so and connect anew. Once, after `died`. */
  tellRestart(): void {
    if (this.#died === null) return;
    const { detail, requests, timer } = this.#died;
    clearTimeout(timer);
    this.#died = null;
    this.#lost = null;
    this.#told = true;
    this.#tellWhy('KernelDied', `${detail} It was started again; its variables are lost.`, requests);
    this.own.tell('status', { execution_state: 'restarting' });
  }

  /** Its row says that it is there again. */
  restarted(): void {
    this.#restarts = null;
    this.tellRestart();
  }

  /** All output of the process came. */
  exitSeen(): void {
    this.#exitSeen = true;
    this.#told = false;
    this.#lost = this.requests.ids;
    this.tellRestart();
    this.streamDown();
  }

  /** Another process speaks. */
  processUp(): void {
    this.#exitSeen = false;
  }

  /** The agent has let go of the old process. */
  letGo(): void {
    if (this.#died === null && this.#restarts !== null && this.#lost !== null && !this.#told) {
      this.died(this.#restarts);
      this.#ahead = true;
    }
    this.tellRestart();
  }

  /** No output will come now. */
  streamDown(): void {
    if (this.#ended !== null) this.#finish(this.#ended);
  }

  /** A ring of another agent opened. @returns whether the client is yet to be told that the old process is gone */
  ringOpened(): boolean {
    const untold = !this.#deathTold;
    this.#exitSeen = false;
    this.#lost = null;
    this.#ahead = false;
    this.#deathTold = false;
    return untold;
  }

  /** Answers what was just asked of a kernel that has ended. @returns false where it has not */
  answer(): boolean {
    if (this.#ended === null || this.link.up) return false;
    const executes = this.requests.running !== undefined;
    this.fail('KernelEnded', endSentence(this.#ended));
    if (this.#cameLate && executes) this.#tellDead();
    return true;
  }

  fail(ename: string, evalue: string, ids: readonly string[] = this.requests.ids): void {
    this.own.publish(this.requests.fail(ename, evalue, this.own.session, ids));
  }

  /** The kernel lives, or waits for another life. @returns whether it had ended before */
  revived(): boolean {
    const ended = this.#ended !== null;
    clearTimeout(this.#timer);
    this.#ended = null;
    this.#cameLate = false;
    return ended;
  }

  stop(): void {
    this.revived();
    clearTimeout(this.#died?.timer);
    this.#died = null;
  }

  #finish(kernel: Kernel): void {
    clearTimeout(this.#timer);
    this.link.close();
    this.link.surrender();
    this.listener.ending();
    this.#tellWhy('KernelEnded', endSentence(kernel), this.requests.ids, kernel.endReason === 'shut-down');
    // A notebook that is told `dead` runs no cell any more, and so would never say why.
    if (!this.#cameLate) this.#tellDead();
    // The socket stays a while: what is still asked is answered, and a kernel that re-enters the queue is picked up.
    this.#timer = setTimeout(() => {
      if (this.#cameLate) this.#tellDead();
      this.listener.over();
    }, this.timing.linger).unref();
  }

  #tellDead(): void {
    this.#cameLate = false;
    this.#deathTold = true;
    this.own.tell('status', { execution_state: 'dead' });
  }

  /** In the cells that wait; where none does, and it was not asked for, in the one that was run last. */
  #tellWhy(ename: string, evalue: string, requests: readonly string[], wished = false): void {
    const cell = this.listener.lastCell();
    const waits = this.requests.idsOf('execute_request').some((id) => requests.includes(id));
    this.fail(ename, evalue, requests);
    if (!waits && cell !== null && !wished) this.own.tell('stream', { name: 'stderr', text: `${evalue}\n` }, cell);
  }
}

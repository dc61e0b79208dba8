import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { MalformedMessage } from '../framing/malformed-message.js';
import { connectAgent } from './connect-agent.js';
import { FrameParser } from './frame-parser.js';
import { FrameWriter } from './frame-writer.js';
import { FrameType, packJsonFrame, type SpokenVersions, STREAM_VERSIONS } from './frames.js';
import { type AgentEvent, type AgentStreamOptions, type Bye, helloOf, type Welcome } from './hello.js';
import { AgentCallError, PendingCalls } from './pending-calls.js';

/**
 * Where every stream reads into: what must last is copied out before the next read. One for all, so that an idle stream
 * costs no memory, and large, so that 1 MB takes a few system calls.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
/** Input that the agent may leave unread before `send` asks to wait, in bytes. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

export interface AgentStreamEvents {
  /** Before the first message or event. */
  welcome: [Welcome];
  /** Ring number and v1 frame; a view that stays valid, until somebody gives it to `recycleBody`. */
  message: [seq: number, frame: Buffer];
  /** Ring number and what happened, in order with the messages. */
  event: [seq: number, event: AgentEvent];
  /** All frames of one read were told: the moment to flush what was made of them. */
  batch: [];
  /** Input may be sent again after `send` answered false. */
  drain: [];
  /** The end, once, with the agent's reason or the error that ended it; both absent when `end` was called. */
  close: [ended: { bye?: Bye; error?: Error }];
}

/** One connection to a kernel's agent: a client session's, or the launcher's control stream. */
export class AgentStream extends EventEmitter<AgentStreamEvents> {
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #calls = new PendingCalls();
  #welcome: Welcome | null = null;
  #full = false;
  #ended = false;
  #closed = false;
  readonly #remote: boolean;
  readonly #versions: SpokenVersions;
  #bye: Bye | undefined;
  #error: Error | undefined;

  /** Connects; listen at once, before the turn ends. */
  static connect(options: AgentStreamOptions): AgentStream {
    return new AgentStream(options);
  }

  private constructor(options: AgentStreamOptions) {
    super();
    const parser = new FrameParser((type, number, body) => this.#onFrame(type, number, body));
    const socket = connectAgent(options, READ_BUFFER, (bytes) => this.#read(parser, bytes));
    this.#socket = socket;
    this.#remote = options.tls !== undefined;
    this.#versions = options.versions ?? STREAM_VERSIONS;
    this.#writer = new FrameWriter(socket);
    socket.on('drain', () => this.#onDrain());
    socket.on('error', (error) => {
      if (!this.#ended) this.#error ??= error;
    });
    socket.on('close', () => this.#onClose());
    this.#writer.write(packJsonFrame(FrameType.hello, 0, helloOf(options)));
  }

  /** Resolves with the agent's welcome; rejects with AgentCallError when the stream ends before it. */
  opened(): Promise<Welcome> {
    if (this.#welcome !== null) return Promise.resolve(this.#welcome);
    if (this.#closed) return Promise.reject(this.#endError());
    return new Promise((resolve, reject) => {
      const settled = () => {
        this.off('welcome', onWelcome);
        this.off('close', onClose);
      };
      const onWelcome = (welcome: Welcome) => {
        settled();
        resolve(welcome);
      };
      const onClose = () => {
        settled();
        reject(this.#endError());
      };
      this.on('welcome', onWelcome);
      this.on('close', onClose);
    });
  }

  /** After the welcome. Sends a v1 frame under an input number; false asks to wait for `drain` (it is sent all the same). */
  send(number: number, frame: Buffer): boolean {
    this.#writer.message(number, frame);
    this.#full ||= this.#writer.buffered > HIGH_WATER_BYTES;
    return !this.#full;
  }

  /** The client has everything up to this ring number. */
  ack(seq: number): void {
    this.#writer.empty(FrameType.ack, seq);
  }

  /** Rejects with AgentCallError: the agent's code, or `stream_closed`. */
  call(verb: string, args: object = {}): Promise<Record<string, unknown>> {
    if (this.#closed) return Promise.reject(this.#endError());
    return this.#calls.open((id) => this.#writer.write(packJsonFrame(FrameType.call, id, { verb, ...args })));
  }

  /** Stops reading; a few messages that were read already may still be told. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Lets go of the kernel's session; nothing is told after this but `close`. */
  end(): void {
    this.#ended = true;
    this.#writer.flush();
    // A pod that is gone answers nothing, not even that it is: what was not welcomed would wait for minutes.
    if (this.#remote && this.#welcome === null) this.#socket.destroy();
    else this.#socket.destroySoon();
    this.#socket.resume();
  }

  #read(parser: FrameParser, chunk: Buffer): void {
    try {
      parser.push(chunk, true);
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof SyntaxError)) throw error;
      this.#error = error;
      this.#socket.destroy();
    }
    if (!this.#ended) this.emit('batch');
  }

  #onFrame(type: number, number: number, body: Buffer): void {
    if (this.#ended) return;
    if (type === FrameType.message) this.emit('message', number, body);
    else if (type === FrameType.event) this.emit('event', number, JSON.parse(body.toString()) as AgentEvent);
    else if (type === FrameType.result) this.#calls.settle(number, JSON.parse(body.toString()));
    else if (type === FrameType.welcome) this.#onWelcome(JSON.parse(body.toString()) as Welcome);
    else if (type === FrameType.bye) this.#bye = JSON.parse(body.toString()) as Bye;
  }

  #onWelcome(welcome: Welcome): void {
    const { oldest, newest } = this.#versions;
    if (!(welcome.v >= oldest && welcome.v <= newest)) {
      throw new MalformedMessage(`The agent speaks version ${welcome.v}, not ${oldest} to ${newest}.`, { field: 'v' });
    }
    this.#welcome = welcome;
    this.emit('welcome', welcome);
  }

  #onDrain(): void {
    if (!this.#full) return;
    this.#full = false;
    this.emit('drain');
  }

  #onClose(): void {
    this.#closed = true;
    this.#calls.rejectAll(this.#endError().message);
    this.emit('close', {
      ...(this.#bye === undefined ? {} : { bye: this.#bye }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
    });
  }

  #endError(): AgentCallError {
    const detail = this.#bye?.reason ?? this.#error?.message ?? 'The stream to the kernel ended.';
    return new AgentCallError(this.#bye?.code ?? 'stream_closed', detail);
  }
}

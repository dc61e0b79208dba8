import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { WebSocket } from 'ws';
import type { Gateway } from './gateway.js';
import { decodeV1, encodeV1, type Received } from './wire.js';

/** As docs/reference/channels.md has it; written apart from the product's. */
export const NUMBERED = 'v1.numbered.beamgate.org';

interface Welcome {
  epoch: string;
  inputLast: number;
  first: number;
  last: number;
}

/** A message with its ring number; 0 for those that the gateway made. */
export interface Numbered {
  number: number;
  message: Received;
  /** When it came, ms. */
  at: number;
}

/** A client that states what it saw, and numbers what it sends, so that it can come back after any break. */
export class NumberedClient extends EventEmitter<{ message: [Numbered]; event: [object] }> {
  readonly received: Numbered[] = [];
  readonly events: Record<string, unknown>[] = [];
  /** The epoch of each welcome. */
  readonly epochs: string[] = [];
  seen = 0;
  private epoch: string | undefined;
  private inputNumber = 0;
  private readonly unconfirmed: { number: number; frame: Buffer }[] = [];
  private socket: WebSocket | undefined;

  constructor(
    private readonly gateway: Gateway,
    readonly kernelId: string,
    readonly session = randomUUID(),
  ) {
    super();
    this.setMaxListeners(0);
  }

  /** Opens the socket, the first time or again. Resolves when the kernel's agent has welcomed this session. */
  connect(gateway = this.gateway): Promise<Welcome> {
    const query = new URLSearchParams({ session_id: this.session });
    if (this.epoch !== undefined) {
      query.set('epoch', this.epoch);
      query.set('seen', String(this.seen));
    }
    const url = `${gateway.url.replace('http', 'ws')}/api/kernels/${this.kernelId}/channels?${query}`;
    const headers = { authorization: `Bearer ${gateway.token}` };
    const socket = new WebSocket(url, [NUMBERED], { headers, perMessageDeflate: false });
    this.socket = socket;
    return new Promise((resolve, reject) => {
      socket.on('message', (data, isBinary) => {
        if (isBinary) this.takeFrame(data as Buffer);
        else this.takeText(String(data), resolve);
      });
      socket.on('error', reject);
    });
  }

  /** Resolves when the socket is closed, by whoever. */
  get closed(): Promise<void> {
    const { socket } = this;
    if (!socket || socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Resolves with the next welcome: the kernel has a new agent, or this socket is new. */
  welcomed(): Promise<void> {
    return new Promise((resolve) => {
      const take = (event: object) => {
        if (!('welcome' in event)) return;
        this.off('event', take);
        resolve();
      };
      this.on('event', take);
    });
  }

  async close(): Promise<void> {
    const { closed } = this;
    this.socket?.close();
    await closed;
  }

  execute(code: string): string {
    const header = {
      msg_id: randomUUID(),
      msg_type: 'execute_request',
      username: 'test',
      session: this.session,
      date: new Date().toISOString(),
      version: '5.3',
    };
    const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
    const message = encodeV1({ channel: 'shell', header, parent_header: {}, metadata: {}, content, buffers: [] });
    this.inputNumber += 1;
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt(this.inputNumber));
    const frame = Buffer.concat([number, message]);
    this.unconfirmed.push({ number: this.inputNumber, frame });
    this.socket?.send(frame);
    return header.msg_id;
  }

  /** The first message, received already or to come, that `wanted` accepts. */
  until(wanted: (numbered: Numbered) => boolean): Promise<Numbered> {
    const found = this.received.find(wanted);
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => {
      const take = (numbered: Numbered) => {
        if (!wanted(numbered)) return;
        this.off('message', take);
        resolve(numbered);
      };
      this.on('message', take);
    });
  }

  /** Resolves once the request has its reply and its idle. */
  async done(msgId: string): Promise<Received> {
    const reply = await this.until((one) => one.message.channel === 'shell' && isOf(one, msgId));
    await this.until((one) => isOf(one, msgId) && one.message.content['execution_state'] === 'idle');
    return reply.message;
  }

  /** What a request printed so far. */
  printed(msgId: string): string {
    return this.received
      .filter((one) => isOf(one, msgId) && one.message.header['msg_type'] === 'stream')
      .map(({ message }) => String(message.content['text']))
      .join('');
  }

  private takeFrame(data: Buffer): void {
    const number = Number(data.readBigUInt64LE(0));
    const numbered = { number, message: decodeV1(data.subarray(8)), at: Date.now() };
    if (number > 0) this.seen = number;
    this.received.push(numbered);
    this.emit('message', numbered);
  }

  private takeText(text: string, welcomed: (welcome: Welcome) => void): void {
    const event = JSON.parse(text) as Record<string, unknown> & { welcome?: Welcome; seq?: number };
    this.events.push(event);
    if (event.seq !== undefined) this.seen = event.seq;
    if (event.welcome) {
      this.onWelcome(event.welcome);
      welcomed(event.welcome);
    }
    this.emit('event', event);
  }

  private onWelcome(welcome: Welcome): void {
    if (this.epoch !== undefined && this.epoch !== welcome.epoch) {
      // Another ring: what the old kernel was sent is gone with it.
      this.seen = this.inputNumber = 0;
      this.unconfirmed.length = 0;
    }
    this.epoch = welcome.epoch;
    this.epochs.push(welcome.epoch);
    while (this.unconfirmed[0] && this.unconfirmed[0].number <= welcome.inputLast) this.unconfirmed.shift();
    if (this.epochs.length > 1) for (const { frame } of this.unconfirmed) this.socket?.send(frame);
  }
}

export const isOf = ({ message }: Numbered, msgId: string): boolean => message.parent_header['msg_id'] === msgId;

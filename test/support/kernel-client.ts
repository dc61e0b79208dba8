import { randomUUID } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import type { Received as Message, Message as Outgoing } from './wire.js';

export interface Execution {
  reply: Message;
  /** iopub messages of this request, in order. */
  outputs: Message[];
  /** What it wrote to its streams. */
  text: string;
}

export interface SendOptions {
  buffers?: Buffer[];
  parent?: Record<string, unknown>;
}

/** What a client does on a kernel's channels, however its messages travel. */
export abstract class KernelClient extends EventEmitter<{
  message: [Message];
  raw: [Buffer, boolean];
  close: [number];
}> {
  /** Every message so far, where `keeping` is on. */
  readonly received: Message[] = [];
  keeping = true;

  protected constructor(readonly session: string) {
    super();
    this.setMaxListeners(0);
  }

  protected abstract transmit(message: Outgoing): void;

  protected deliver(message: Message): void {
    if (this.keeping) this.received.push(message);
    this.emit('message', message);
  }

  /** Sends a message and gives its id. */
  send(channel: string, type: string, content: object, { buffers = [], parent = {} }: SendOptions = {}): string {
    const msgId = randomUUID().replaceAll('-', '');
    const header = {
      msg_id: msgId,
      msg_type: type,
      username: 'test',
      session: this.session,
      date: new Date().toISOString(),
      version: '5.3',
    };
    this.transmit({ channel, header, parent_header: parent, metadata: {}, content, buffers });
    return msgId;
  }

  /** The first message from now on that `wanted` accepts. Rejects when the connection closes before. */
  next(wanted: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.off('message', take);
        this.off('close', closed);
      };
      const take = (message: Message) => {
        if (!wanted(message)) return;
        end();
        resolve(message);
      };
      const closed = (code: number) => {
        end();
        reject(new Error(`The connection closed with ${code}`));
      };
      this.on('message', take);
      this.on('close', closed);
    });
  }

  /** Sends a request and waits for its reply. */
  async request(channel: string, type: string, content: object = {}, options?: SendOptions): Promise<Message> {
    const msgId = this.send(channel, type, content, options);
    return this.next((message) => message.parent_header['msg_id'] === msgId && message.channel === channel);
  }

  /** Runs code to reply and idle. */
  async execute(code: string): Promise<Execution> {
    const outputs: Message[] = [];
    const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
    const msgId = this.send('shell', 'execute_request', content);
    const collect = (message: Message) => {
      if (message.channel === 'iopub' && message.parent_header['msg_id'] === msgId) outputs.push(message);
    };
    this.on('message', collect);
    const mine = (message: Message) => message.parent_header['msg_id'] === msgId;
    try {
      const [reply] = await Promise.all([
        this.next((message) => message.channel === 'shell' && mine(message)),
        this.next((message) => message.content['execution_state'] === 'idle' && mine(message)),
      ]);
      const text = outputs
        .filter(({ header }) => header['msg_type'] === 'stream')
        .map((message) => message.content['text'] as string)
        .join('');
      return { reply, outputs, text };
    } finally {
      this.off('message', collect);
    }
  }

  /** Every message from now on, one by one. */
  async *messages(): AsyncGenerator<Message> {
    for await (const [message] of on(this, 'message')) yield message as Message;
  }

  abstract close(): Promise<void>;
}

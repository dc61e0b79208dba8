import { once } from 'node:events';
import { WebSocket } from 'ws';
import { legacyText, packV1, readLegacy, unpackNumbered, unpackV1 } from '#libs/jupyter';
import { Arrivals } from './arrivals.js';

/** A message as a client has it, with its ring number where the framing tells one. */
export interface SeenMessage {
  seq: number;
  binary: boolean;
  channel: string;
  type: string;
  parent: string | undefined;
  content: Record<string, unknown>;
  buffers: readonly Buffer[];
}

/** A v1 frame of a message, for specs that play a kernel or a client. */
export function v1Message(
  channel: string,
  type: string,
  content: object,
  more: { id?: string; parent?: string; session?: string; buffers?: Buffer[] } = {},
): Buffer {
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  return packV1({
    channel,
    header: json({ msg_id: more.id ?? crypto.randomUUID(), msg_type: type, session: more.session ?? 'kernel' }),
    parentHeader: more.parent === undefined ? Buffer.from('{}') : json({ msg_id: more.parent }),
    metadata: Buffer.from('{}'),
    content: json(content),
    buffers: more.buffers ?? [],
  });
}

/** A real WebSocket client of a kernel's channels, in any framing. */
export class ChannelClient {
  readonly messages = new Arrivals<SeenMessage>();
  /** JSON text frames of the numbered framing. */
  readonly told = new Arrivals<Record<string, unknown>>();
  readonly closed: Promise<{ code: number; reason: string }>;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data, binary) => this.#read(data as Buffer, binary));
    this.closed = once(ws, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  }

  /** Resolves when open; rejects with the HTTP answer of a refusal in the message. */
  static async open(url: string, protocol?: string, headers: Record<string, string> = {}): Promise<ChannelClient> {
    const ws = new WebSocket(url, protocol === undefined ? [] : [protocol], { headers, perMessageDeflate: false });
    const client = new ChannelClient(ws);
    await new Promise<void>((resolve, reject) => {
      ws.on('open', resolve);
      ws.on('error', reject);
      ws.on('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => reject(new Error(`${response.statusCode} ${Buffer.concat(chunks)}`)));
      });
    });
    return client;
  }

  /** Sends in the framing of the socket; `number` only in the numbered one. */
  send(frame: Buffer, number = 0): void {
    const { protocol } = this.ws;
    if (protocol.startsWith('v1.kernel')) this.ws.send(frame);
    else if (protocol.startsWith('v1.numbered')) {
      const word = Buffer.alloc(8);
      word.writeBigUInt64LE(BigInt(number));
      this.ws.send(Buffer.concat([word, frame]));
    } else this.ws.send(legacyText(unpackV1(frame)), { binary: false });
  }

  type(wanted: string): Promise<SeenMessage> {
    return this.messages.find(({ type }) => type === wanted);
  }

  types(): string[] {
    return this.messages.all.map(({ type, content }) =>
      type === 'status' ? `status ${String(content['execution_state'])}` : type,
    );
  }

  #read(data: Buffer, binary: boolean): void {
    const { protocol } = this.ws;
    if (protocol.startsWith('v1.numbered') && !binary) {
      this.told.push(JSON.parse(data.toString()) as Record<string, unknown>);
      return;
    }
    const { number, frame } = protocol.startsWith('v1.numbered') ? unpackNumbered(data) : { number: 0, frame: data };
    const raw = protocol === '' ? readLegacy(data) : unpackV1(frame);
    const header = JSON.parse(raw.header.toString()) as { msg_type: string };
    const parent = JSON.parse(raw.parentHeader.toString()) as { msg_id?: string };
    this.messages.push({
      seq: number,
      binary,
      channel: raw.channel,
      type: header.msg_type,
      parent: parent.msg_id,
      content: JSON.parse(raw.content.toString()) as Record<string, unknown>,
      buffers: raw.buffers,
    });
  }
}

/** The two framings of kernel channels, written apart from the product's so that neither can hide the other's mistake. */

export interface Message {
  channel: string;
  header: Record<string, unknown>;
  parent_header: Record<string, unknown>;
  metadata: Record<string, unknown>;
  content: object;
  buffers: Buffer[];
}
export type Received = Message & { content: Record<string, unknown> };

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const parse = (bytes: Buffer): Record<string, unknown> => JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;

/** `v1.kernel.websocket.jupyter.org`: count, offsets (u64 little endian), then the parts. */
export function encodeV1({ channel, header, parent_header, metadata, content, buffers }: Message): Buffer {
  const parts = [Buffer.from(channel), json(header), json(parent_header), json(metadata), json(content), ...buffers];
  const head = Buffer.alloc(8 * (parts.length + 2));
  head.writeBigUInt64LE(BigInt(parts.length + 1), 0);
  let offset = head.length;
  for (const [index, part] of parts.entries()) {
    head.writeBigUInt64LE(BigInt(offset), 8 * (index + 1));
    offset += part.length;
  }
  head.writeBigUInt64LE(BigInt(offset), 8 * (parts.length + 1));
  return Buffer.concat([head, ...parts]);
}

export function decodeV1(frame: Buffer): Received {
  const count = Number(frame.readBigUInt64LE(0));
  const offset = (index: number) => Number(frame.readBigUInt64LE(8 * (index + 1)));
  const part = (index: number) => frame.subarray(offset(index), offset(index + 1));
  return {
    channel: part(0).toString('utf8'),
    header: parse(part(1)),
    parent_header: parse(part(2)),
    metadata: parse(part(3)),
    content: parse(part(4)),
    buffers: Array.from({ length: count - 6 }, (_, index) => part(index + 5)),
  };
}

/** No subprotocol: text of one JSON object, or, with buffers, u32 big-endian offsets before JSON and buffers. */
export function encodeLegacy(message: Message): string | Buffer {
  const { buffers, ...rest } = message;
  if (buffers.length === 0) return JSON.stringify({ ...rest, buffers: [] });
  const parts = [json(rest), ...buffers];
  const head = Buffer.alloc(4 * (parts.length + 1));
  head.writeUInt32BE(parts.length, 0);
  let offset = head.length;
  for (const [index, part] of parts.entries()) {
    head.writeUInt32BE(offset, 4 * (index + 1));
    offset += part.length;
  }
  return Buffer.concat([head, ...parts]);
}

export function decodeLegacy(frame: Buffer, isBinary: boolean): Received {
  if (!isBinary) return { ...(parse(frame) as unknown as Received), buffers: [] };
  const count = frame.readUInt32BE(0);
  const offsets = Array.from({ length: count }, (_, index) => frame.readUInt32BE(4 * (index + 1)));
  const parts = offsets.map((offset, index) => frame.subarray(offset, offsets[index + 1] ?? frame.length));
  const [body, ...buffers] = parts;
  return { ...(parse(body ?? Buffer.alloc(0)) as unknown as Received), buffers };
}

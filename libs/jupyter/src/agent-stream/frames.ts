/**
 * What is spoken here. Agents outlive services, and services are upgraded one by one: the version before the newest stays
 * until no agent and no service of it is left.
 */
export const STREAM_VERSIONS: SpokenVersions = { oldest: 1, newest: 1 };

/** All versions of the stream from one to the other. */
export interface SpokenVersions {
  oldest: number;
  newest: number;
}
/** The kernel agent's stream: a 16-byte header `u32 length | u8 type | u8 flags | u16 0 | u64 number`, body. */
export const HEADER_BYTES = 16;
export const MAX_MESSAGE_BYTES = 1024 ** 3;
export const MAX_BODY_BYTES = 1024 ** 2;

export const FrameType = {
  message: 1,
  ack: 2,
  hello: 3,
  welcome: 4,
  call: 5,
  result: 6,
  event: 7,
  bye: 8,
} as const;

export function writeFrameHeader(target: Buffer, type: number, number: number, bodyBytes: number): void {
  target.writeUInt32LE(bodyBytes, 0);
  target.writeUInt32LE(type, 4);
  target.writeUInt32LE(number % 2 ** 32, 8);
  target.writeUInt32LE(Math.floor(number / 2 ** 32), 12);
}

export function packJsonFrame(type: number, number: number, value: object): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  writeFrameHeader(frame, type, number, body.length);
  body.copy(frame, HEADER_BYTES);
  return frame;
}

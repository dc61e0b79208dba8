import { MalformedMessage } from './malformed-message.js';
import type { RawMessage } from './message.js';

/**
 * Subprotocol of the framing that passes a message's parts as they are on ZeroMQ: u64 count, count × u64 offset from
 * the frame's start, then channel, header, parent header, metadata, content, buffers…; the last offset is the end.
 * Little endian.
 * @see jupyter_server/services/kernels/connection/base.py, serialize_msg_to_ws_v1
 */
export const V1_PROTOCOL = 'v1.kernel.websocket.jupyter.org';

/** Order of the parts in a v1 frame. */
export const Part = { channel: 0, header: 1, parentHeader: 2, metadata: 3, content: 4, firstBuffer: 5 } as const;
const WORD = 8;
/** As the kernel agent has it. */
const MAX_OFFSETS = 4096;

export function packV1(message: RawMessage): Buffer {
  const channel = Buffer.from(message.channel);
  return packParts([
    channel,
    message.header,
    message.parentHeader,
    message.metadata,
    message.content,
    ...message.buffers,
  ]);
}

function packParts(parts: readonly Buffer[]): Buffer {
  const start = WORD * (parts.length + 2);
  const frame = Buffer.allocUnsafe(parts.reduce((size, part) => size + part.length, start));
  writeWord(frame, 0, parts.length + 1);
  writeWord(frame, WORD, start);
  let at = start;
  parts.forEach((part, index) => {
    part.copy(frame, at);
    at += part.length;
    writeWord(frame, WORD * (index + 2), at);
  });
  return frame;
}

/** Parts of a frame, as views on it. Throws MalformedMessage on a bad table of offsets. */
export function unpackV1(frame: Buffer): RawMessage {
  const offsets = checkedOffsets(frame);
  const part = (index: number): Buffer => frame.subarray(offsets[index], offsets[index + 1]);
  const buffers: Buffer[] = [];
  for (let index: number = Part.firstBuffer; index < offsets.length - 1; index += 1) buffers.push(part(index));
  return {
    channel: part(Part.channel).toString(),
    header: part(Part.header),
    parentHeader: part(Part.parentHeader),
    metadata: part(Part.metadata),
    content: part(Part.content),
    buffers,
  };
}

/** One part of a frame without looking at the others; empty where the frame has no such part. */
export function peekV1(frame: Buffer, part: number): Buffer {
  const start = peekWord(frame, part + 1);
  const end = peekWord(frame, part + 2);
  return start < end && end <= frame.length ? frame.subarray(start, end) : frame.subarray(0, 0);
}

/** Whether a frame is on the iopub channel, by its first letter: the check that runs on every message. */
export function isIopub(frame: Buffer): boolean {
  return frame[peekWord(frame, 1)] === 0x69;
}

function checkedOffsets(frame: Buffer): number[] {
  const malformed = (detail: string) => new MalformedMessage(`v1 frame: ${detail}.`, { field: 'offsets' });
  const count = peekWord(frame, 0);
  const start = WORD * (count + 1);
  if (count <= Part.firstBuffer || count > MAX_OFFSETS || start > frame.length) {
    throw malformed('too few or too many parts, or a cut table of offsets');
  }
  if (peekWord(frame, 1) !== start) throw malformed('the first part does not follow the table');
  const offsets: number[] = [];
  let last = start;
  for (let index = 1; index <= count; index += 1) {
    const offset = peekWord(frame, index);
    if (offset < last || offset > frame.length) throw malformed('offsets out of order or past the end');
    offsets.push(offset);
    last = offset;
  }
  if (last !== frame.length) throw malformed('the last offset is not the end');
  return offsets;
}

function writeWord(frame: Buffer, at: number, value: number): void {
  frame.writeUInt32LE(value, at);
  frame.writeUInt32LE(0, at + 4);
}

/** The word at `index`, or Infinity where it is missing or ≥ 2³²: no frame is that long. */
function peekWord(frame: Buffer, index: number): number {
  const at = WORD * index;
  if (at < 0 || at + WORD > frame.length || frame.readUInt32LE(at + 4) !== 0) return Number.POSITIVE_INFINITY;
  return frame.readUInt32LE(at);
}

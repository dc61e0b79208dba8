import { MalformedMessage } from './malformed-message.js';

/**
 * Subprotocol of clients that state what they saw: each binary frame is a u64 (little endian) and one v1 message. To
 * the client the number is the kernel's ring number, 0 for a message that Beamgate made; from the client it is the
 * session's input number, 0 to leave the numbering to Beamgate. Text frames are JSON. See docs/reference/channels.md.
 */
export const NUMBERED_PROTOCOL = 'v1.numbered.beamgate.org';

const WORD = 8;

export function packNumber(number: number): Buffer {
  const word = Buffer.allocUnsafe(WORD);
  word.writeUInt32LE(number % 2 ** 32, 0);
  word.writeUInt32LE(Math.floor(number / 2 ** 32), 4);
  return word;
}

export function packNumbered(number: number, frame: Buffer): Buffer {
  return Buffer.concat([packNumber(number), frame], WORD + frame.length);
}

/** Throws MalformedMessage when the frame is cut or its number is not a safe integer. */
export function unpackNumbered(data: Buffer): { number: number; frame: Buffer } {
  if (data.length < WORD) throw new MalformedMessage('The frame has no number.', { field: 'number' });
  const number = data.readUInt32LE(4) * 2 ** 32 + data.readUInt32LE(0);
  if (!Number.isSafeInteger(number)) throw new MalformedMessage('The number is too large.', { field: 'number' });
  return { number, frame: data.subarray(WORD) };
}

import { MalformedMessage } from '../framing/malformed-message.js';
import { FrameType, HEADER_BYTES, MAX_BODY_BYTES, MAX_MESSAGE_BYTES } from './frames.js';
import { allocateBody } from './large-bodies.js';

export type FrameListener = (type: number, number: number, body: Buffer) => void;

/**
 * Cuts a byte stream into frames. A body that lies within one chunk is a view on it (or on a copy of what is left of a
 * shared one); one that does not is copied once into a buffer of its own. Throws MalformedMessage for a body over the limit of its type or an unsafe number; the
 * stream can't be read on after that.
 */
export class FrameParser {
  readonly #onFrame: FrameListener;
  readonly #header = Buffer.allocUnsafe(HEADER_BYTES);
  #headerFilled = 0;
  #type = 0;
  #number = 0;
  #body: Buffer | null = null;
  #bodyFilled = 0;

  constructor(onFrame: FrameListener) {
    this.#onFrame = onFrame;
  }

  /** `shared`: the chunk's memory is used again after this returns, so nothing may keep a view on it. */
  push(given: Buffer, shared = false): void {
    let chunk = given;
    let owned = !shared;
    let at = this.#finishStarted(chunk);
    while (at < chunk.length) {
      if (chunk.length - at < HEADER_BYTES) {
        this.#headerFilled = chunk.copy(this.#header, 0, at);
        return;
      }
      const length = this.#readHeader(chunk, at);
      at += HEADER_BYTES;
      if (chunk.length - at < length) {
        this.#body = allocateBody(length);
        this.#bodyFilled = chunk.copy(this.#body, 0, at);
        return;
      }
      if (!owned) {
        chunk = Buffer.from(chunk.subarray(at));
        owned = true;
        at = 0;
      }
      const body = chunk.subarray(at, at + length);
      at += length;
      this.#onFrame(this.#type, this.#number, body);
    }
  }

  /** Completes the frame that an earlier chunk began; returns how much of this chunk it took. */
  #finishStarted(chunk: Buffer): number {
    let at = 0;
    if (this.#headerFilled > 0) {
      at = chunk.copy(this.#header, this.#headerFilled, 0);
      this.#headerFilled += at;
      if (this.#headerFilled < HEADER_BYTES) return at;
      this.#headerFilled = 0;
      this.#body = allocateBody(this.#readHeader(this.#header, 0));
      this.#bodyFilled = 0;
    }
    if (this.#body === null) return at;
    const taken = chunk.copy(this.#body, this.#bodyFilled, at);
    this.#bodyFilled += taken;
    if (this.#bodyFilled === this.#body.length) {
      const body = this.#body;
      this.#body = null;
      this.#onFrame(this.#type, this.#number, body);
    }
    return at + taken;
  }

  /** Sets type and number; returns the body's length. */
  #readHeader(source: Buffer, at: number): number {
    const length = source.readUInt32LE(at);
    const type = source[at + 4] as number;
    const high = source.readUInt32LE(at + 12);
    const limit = type === FrameType.message ? MAX_MESSAGE_BYTES : MAX_BODY_BYTES;
    if (length > limit) throw new MalformedMessage(`A body of ${length} bytes is over the limit.`, { field: 'length' });
    if (high >= 2 ** 21) throw new MalformedMessage('The number is too large.', { field: 'number' });
    this.#type = type;
    this.#number = high * 2 ** 32 + source.readUInt32LE(at + 8);
    return length;
  }
}

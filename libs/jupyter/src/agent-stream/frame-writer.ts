import type { Socket } from 'node:net';
import { FrameType, HEADER_BYTES, writeFrameHeader } from './frames.js';

const COPY_BELOW_BYTES = 16 * 1024;

/** Writes frames so that all that one turn of the event loop sends goes out in one system call. */
export class FrameWriter {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes given and not yet taken by the operating system. */
  get buffered(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  message(number: number, frame: Buffer): void {
    if (frame.length < COPY_BELOW_BYTES) {
      const whole = Buffer.allocUnsafe(HEADER_BYTES + frame.length);
      writeFrameHeader(whole, FrameType.message, number, frame.length);
      frame.copy(whole, HEADER_BYTES);
      this.write(whole);
      return;
    }
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    writeFrameHeader(header, FrameType.message, number, frame.length);
    this.write(header);
    this.write(frame);
  }

  empty(type: number, number: number): void {
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    writeFrameHeader(header, type, number, 0);
    this.write(header);
  }

  write(chunk: Buffer): void {
    if (this.#chunks.length === 0) process.nextTick(() => this.flush());
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  flush(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.cork();
    let small: Buffer[] = [];
    for (const chunk of chunks) {
      if (chunk.length < COPY_BELOW_BYTES) {
        small.push(chunk);
        continue;
      }
      if (small.length > 0) this.#socket.write(Buffer.concat(small));
      small = [];
      this.#socket.write(chunk);
    }
    if (small.length > 0) this.#socket.write(Buffer.concat(small));
    this.#socket.uncork();
  }
}

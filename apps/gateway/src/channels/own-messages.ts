import { randomUUID } from 'node:crypto';
import { Part, parseHeader, peekV1 } from '#libs/jupyter';
import type { ClientFraming, FrameSink } from './framing/client-framing.js';
import { gatewayMessage } from './gateway-message.js';

/** The last message is kept for its header; a larger one is recycled. */
const KEPT_FRAME_BYTES = 64 * 1024;

/** Sends what Beamgate itself has to say, under the kernel's session once that is known. */
export class OwnMessages {
  readonly #session = randomUUID();
  #lastFrame: Buffer | null = null;

  constructor(
    private readonly framing: ClientFraming,
    private readonly client: FrameSink,
  ) {}

  /** Of the kernel's last message; our own where there is none. */
  get session(): string {
    if (this.#lastFrame === null) return this.#session;
    try {
      return parseHeader(peekV1(this.#lastFrame, Part.header)).session ?? this.#session;
    } catch {
      return this.#session;
    }
  }

  /** A message of the kernel. */
  heard(frame: Buffer): void {
    if (frame.length < KEPT_FRAME_BYTES) this.#lastFrame = frame;
  }

  /** Another process speaks from now on. */
  forget(): void {
    this.#lastFrame = null;
  }

  /** An iopub message; `seq` is the ring number of what it stands for, if anything. */
  tell(type: string, content: object, parent?: Buffer, seq = 0): void {
    this.framing.write(this.client, seq, gatewayMessage('iopub', type, content, this.session, parent));
  }

  publish(frames: readonly Buffer[]): void {
    for (const frame of frames) this.framing.write(this.client, 0, frame);
  }
}

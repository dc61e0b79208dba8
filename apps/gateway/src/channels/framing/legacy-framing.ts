import { clientMessageFromLegacy, legacyBinary, legacyText, unpackV1 } from '#libs/jupyter';
import type { ClientFraming, FrameSink, NumberedInput } from './client-framing.js';

/** No subprotocol: JSON text, and binary frames for messages with buffers. Read by the first byte, not the opcode. */
export class LegacyFraming implements ClientFraming {
  readonly name: string = 'legacy';
  readonly mostOpen: number = 1024;
  readonly passesFrames = false;

  write(sink: FrameSink, _seq: number, frame: Buffer): void {
    const message = unpackV1(frame);
    if (message.buffers.length === 0) sink.send(legacyText(message), false);
    else sink.send(legacyBinary(message), true);
  }

  read(data: Buffer): NumberedInput {
    return { number: 0, message: clientMessageFromLegacy(data) };
  }

  welcome(): void {}

  taken(): void {}

  event(): boolean {
    return false;
  }
}

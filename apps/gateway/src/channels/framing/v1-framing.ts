import { clientMessageFromLegacy, clientMessageFromV1, V1_PROTOCOL } from '#libs/jupyter';
import type { ClientFraming, FrameSink, NumberedInput } from './client-framing.js';

/** Frames pass as they are. A text frame is read as legacy JSON. */
export class V1Framing implements ClientFraming {
  readonly name = V1_PROTOCOL;
  readonly mostOpen = 1024;
  readonly passesFrames = true;

  write(sink: FrameSink, _seq: number, frame: Buffer): void {
    sink.send(frame, true);
  }

  read(data: Buffer, binary: boolean): NumberedInput {
    return { number: 0, message: binary ? clientMessageFromV1(data) : clientMessageFromLegacy(data) };
  }

  welcome(): void {}

  taken(): void {}

  event(): boolean {
    return false;
  }
}

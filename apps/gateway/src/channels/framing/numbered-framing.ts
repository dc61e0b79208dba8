import {
  type AgentEvent,
  clientMessageFromLegacy,
  clientMessageFromV1,
  NUMBERED_PROTOCOL,
  packNumbered,
  unpackNumbered,
  type Welcome,
} from '#libs/jupyter';
import type { ClientFraming, FrameSink, NumberedInput } from './client-framing.js';

/** For clients that state what they saw; docs/reference/channels.md. */
export class NumberedFraming implements ClientFraming {
  readonly name = NUMBERED_PROTOCOL;
  /** It states what it saw. */
  readonly mostOpen = Number.POSITIVE_INFINITY;
  readonly passesFrames = false;

  write(sink: FrameSink, seq: number, frame: Buffer): void {
    sink.send(packNumbered(seq, frame), true);
  }

  read(data: Buffer, binary: boolean): NumberedInput {
    if (!binary) return { number: 0, message: clientMessageFromLegacy(data) };
    const { number, frame } = unpackNumbered(data);
    return { number, message: clientMessageFromV1(frame) };
  }

  welcome(sink: FrameSink, { epoch, inputLast, first, last, from }: Welcome): void {
    sink.send(JSON.stringify({ welcome: { epoch, inputLast, first, last, from } }), false);
  }

  taken(sink: FrameSink, inputLast: number): void {
    sink.send(JSON.stringify({ inputLast }), false);
  }

  event(sink: FrameSink, seq: number, event: AgentEvent): boolean {
    sink.send(JSON.stringify({ ...event, seq }), false);
    return true;
  }
}

import type { AgentEvent, ClientMessage, Welcome } from '#libs/jupyter';

/** Where encoded frames go. */
export interface FrameSink {
  send(data: Buffer | string, binary: boolean): void;
}

export interface NumberedInput {
  /** The session's input number that the client gave; 0 where it gave none. */
  number: number;
  message: ClientMessage;
}

/** How one client's socket frames messages, both ways. */
export interface ClientFraming {
  /** Subprotocol, or how the client is known: for logs. */
  readonly name: string;
  /** Whether `write` hands the frame itself to the sink, which recycles what it sent. */
  readonly passesFrames: boolean;
  /** Messages that may be unconfirmed before more are sent: so many are repeated at most when this service dies. */
  readonly mostOpen: number;
  /** A v1 frame for the client; `seq` is its ring number, 0 when Beamgate made it. */
  write(sink: FrameSink, seq: number, frame: Buffer): void;
  /** Throws MalformedMessage. */
  read(data: Buffer, binary: boolean): NumberedInput;
  /** Tells the state of ring and input at each opening of the agent's stream, where the framing can. */
  welcome(sink: FrameSink, welcome: Welcome): void;
  /** Tells that the agent took all input up to this number, where the framing can. */
  taken(sink: FrameSink, inputLast: number): void;
  /** Tells an agent event; false where the framing can't. */
  event(sink: FrameSink, seq: number, event: AgentEvent): boolean;
}

import { parseHeader } from './header.js';
import { readLegacy } from './legacy-in.js';
import { MalformedMessage } from './malformed-message.js';
import type { ClientChannel, MessageHeader, RawMessage } from './message.js';
import { packV1, unpackV1 } from './v1.js';

/** A client's message, checked, with the v1 frame that goes to the kernel. */
export interface ClientMessage {
  channel: ClientChannel;
  header: MessageHeader;
  message: RawMessage;
  frame: Buffer;
}

/** From a frame of the v1 framing; the frame passes on as it is. Throws MalformedMessage. */
export function clientMessageFromV1(frame: Buffer): ClientMessage {
  return checked(unpackV1(frame), frame);
}

/** From a frame of either legacy framing, see `readLegacy`. Throws MalformedMessage. */
export function clientMessageFromLegacy(data: Buffer): ClientMessage {
  const message = readLegacy(data);
  return checked(message, packV1(message));
}

function checked(message: RawMessage, frame: Buffer): ClientMessage {
  const { channel } = message;
  if (channel !== 'shell' && channel !== 'control' && channel !== 'stdin') {
    throw new MalformedMessage(`A client can't send on channel ${JSON.stringify(channel.slice(0, 32))}.`, {
      field: 'channel',
    });
  }
  return { channel, header: parseHeader(message.header), message, frame };
}

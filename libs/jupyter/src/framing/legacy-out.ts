import { isUtf8 } from 'node:buffer';
import { parseHeader } from './header.js';
import type { MessageHeader, RawMessage } from './message.js';

const KEYS = {
  channel: Buffer.from('{"channel":'),
  header: Buffer.from(',"header":'),
  parentHeader: Buffer.from(',"parent_header":'),
  metadata: Buffer.from(',"metadata":'),
  content: Buffer.from(',"content":'),
  buffersAndId: Buffer.from(',"buffers":[],"msg_id":'),
};

/**
 * The JSON text frame of a message, put together from its parts without parsing the content. Its buffers are not in
 * it. Always valid UTF-8: a text frame with other bytes ends the connection of every client.
 * Throws MalformedMessage when the header is not one.
 */
export function legacyText(message: RawMessage, header: MessageHeader = parseHeader(message.header)): Buffer {
  const ids = `${JSON.stringify(header.msg_id)},"msg_type":${JSON.stringify(header.msg_type)}}`;
  const text = Buffer.concat([
    KEYS.channel,
    Buffer.from(JSON.stringify(message.channel)),
    KEYS.header,
    message.header,
    KEYS.parentHeader,
    message.parentHeader,
    KEYS.metadata,
    message.metadata,
    KEYS.content,
    message.content,
    KEYS.buffersAndId,
    Buffer.from(ids),
  ]);
  return isUtf8(text) ? text : Buffer.from(text.toString());
}

/**
 * The binary frame of a message with buffers: u32 count, count × u32 offset from the frame's start, the JSON, the
 * buffers. Big endian. Must not be sent to a Tornado client: it decodes every binary frame as UTF-8 outside its error
 * handling, and never reads again.
 * @see jupyter_client/jsonutil and jupyter_server/services/kernels/connection/base.py, serialize_binary_message
 */
export function legacyBinary(message: RawMessage): Buffer {
  const parts = [legacyText(message), ...message.buffers];
  const table = Buffer.allocUnsafe(4 * (parts.length + 1));
  table.writeUInt32BE(parts.length, 0);
  let at = table.length;
  parts.forEach((part, index) => {
    table.writeUInt32BE(at, 4 * (index + 1));
    at += part.length;
  });
  return Buffer.concat([table, ...parts], at);
}

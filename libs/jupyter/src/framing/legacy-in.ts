import { checkHeader } from './header.js';
import { jsonMembers } from './json-members.js';
import { MalformedMessage } from './malformed-message.js';
import { EMPTY_OBJECT, type RawMessage } from './message.js';

/** A v1 frame of the same message has five parts more, and the kernel agent takes 4096 offsets. */
const MAX_PARTS = 4090;

/**
 * Reads a frame of a client that named no subprotocol, whatever its opcode: jupyter_server forwards a browser's binary
 * frame with the text opcode. A first byte of zero is legacy binary (a count below 2²⁴, big endian), else JSON.
 * A missing channel is shell; missing parts are empty objects; `buffers` in the JSON is ignored.
 * Throws MalformedMessage.
 */
export function readLegacy(frame: Buffer): RawMessage {
  if (frame[0] !== 0) return readText(frame, []);
  const [text, ...buffers] = readParts(frame);
  return readText(text as Buffer, buffers);
}

function readParts(frame: Buffer): Buffer[] {
  const malformed = (detail: string) => new MalformedMessage(`Binary frame: ${detail}.`, { field: 'offsets' });
  const count = frame.length >= 4 ? frame.readUInt32BE(0) : 0;
  const start = 4 * (count + 1);
  if (count < 1 || count > MAX_PARTS || start > frame.length) throw malformed('no parts or a cut table of offsets');
  const offsets: number[] = [];
  for (let index = 1; index <= count; index += 1) {
    const offset = frame.readUInt32BE(4 * index);
    if (offset < (offsets.at(-1) ?? start) || offset > frame.length) throw malformed('offsets out of order');
    offsets.push(offset);
  }
  return offsets.map((offset, index) => frame.subarray(offset, offsets[index + 1] ?? frame.length));
}

function readText(text: Buffer, buffers: readonly Buffer[]): RawMessage {
  const value = parseObject(text);
  checkHeader(value['header']);
  const members = jsonMembers(text);
  const part = (field: 'parent_header' | 'metadata' | 'content'): Buffer => {
    const given = value[field];
    if (given === undefined || given === null) return EMPTY_OBJECT;
    if (typeof given !== 'object') throw new MalformedMessage(`${field} is not an object.`, { field });
    return members.get(field) ?? EMPTY_OBJECT;
  };
  const channel = value['channel'] ?? 'shell';
  if (typeof channel !== 'string') throw new MalformedMessage('channel is not a string.', { field: 'channel' });
  return {
    channel,
    header: members.get('header') ?? EMPTY_OBJECT,
    parentHeader: part('parent_header'),
    metadata: part('metadata'),
    content: part('content'),
    buffers,
  };
}

function parseObject(text: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text.toString());
  } catch {
    throw new MalformedMessage('The message is not JSON.', { field: '' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedMessage('The message is not a JSON object.', { field: '' });
  }
  return value as Record<string, unknown>;
}

import { MalformedMessage } from './malformed-message.js';
import type { MessageHeader } from './message.js';

/** Parses a header part. Throws MalformedMessage unless it is an object with string `msg_id` and `msg_type`. */
export function parseHeader(part: Buffer): MessageHeader {
  let value: unknown;
  try {
    value = JSON.parse(part.toString());
  } catch {
    throw new MalformedMessage('The header is not JSON.', { field: 'header' });
  }
  return checkHeader(value);
}

export function checkHeader(value: unknown): MessageHeader {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedMessage('The header is not an object.', { field: 'header' });
  }
  const header = value as Partial<Record<keyof MessageHeader, unknown>>;
  for (const field of ['msg_id', 'msg_type'] as const) {
    if (typeof header[field] !== 'string' || header[field] === '') {
      throw new MalformedMessage(`The header has no ${field}.`, { field: `header.${field}` });
    }
  }
  return value as MessageHeader;
}

/** `msg_id` of a parent header part; undefined where there is none (an unparented message) or it is not readable. */
export function parentId(part: Buffer): string | undefined {
  if (part.length <= 2) return undefined;
  try {
    const id = (JSON.parse(part.toString()) as { msg_id?: unknown } | null)?.msg_id;
    return typeof id === 'string' && id !== '' ? id : undefined;
  } catch {
    return undefined;
  }
}

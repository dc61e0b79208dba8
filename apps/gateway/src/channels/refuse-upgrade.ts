import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem } from '#libs/contracts';

/** Answers an upgrade with plain HTTP, `{reason, message}` as the Enterprise Gateway protocol has it, and closes. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  // On the paths of that protocol a malformed request is a 400.
  const status = error instanceof Problem ? (error.status === 422 ? 400 : error.status) : 500;
  const reason = STATUS_CODES[status] ?? 'Error';
  const message = error instanceof Problem ? error.detail : 'The request could not be handled.';
  const retryAfter = error instanceof Problem ? error.fields['retryAfterSeconds'] : undefined;
  const body = JSON.stringify({ reason, message });
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

const MEANINGS: Readonly<Record<string, [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request was not here in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The request line and headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too large.'],
};

/** Answers what is no request, or came too slowly or too large to become one, and closes. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, message] = MEANINGS[error.code ?? ''] ?? [400, 'This is no HTTP request.'];
  const reason = STATUS_CODES[status];
  const body = JSON.stringify({ reason, message });
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  // An answer that is on its way must not be written into.
  const { _httpMessage: answer } = socket as { _httpMessage?: { headersSent: boolean } | null };
  if (!socket.writable || answer?.headersSent) socket.destroy();
  else socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

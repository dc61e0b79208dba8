import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { AgentAddress } from './hello.js';

/**
 * Connects to an agent: by its unix socket, or by mutual TLS 1.3 with the pod's one certificate.
 *
 * @param buffer  what may be read into, between two calls of `onRead`
 * @param onRead  gets what was read, valid until it returns
 */
export function connectAgent(address: AgentAddress, buffer: Buffer, onRead: (bytes: Buffer) => void): Socket {
  const { socket, tls } = address;
  if (tls === undefined) {
    const callback = (bytes: number): boolean => {
      onRead(buffer.subarray(0, bytes));
      return true;
    };
    return connect({ path: socket, onread: { buffer, callback } });
  }
  const { certificate, key } = tls;
  const colon = socket.lastIndexOf(':');
  const stream = connectTls({
    host: socket.slice(0, colon),
    port: Number(socket.slice(colon + 1)),
    ca: certificate,
    cert: certificate,
    key,
    minVersion: 'TLSv1.3',
    // It names nobody: being this very certificate is what counts.
    checkServerIdentity: () => undefined,
  });
  stream.setNoDelay(true);
  stream.on('data', onRead);
  return stream;
}

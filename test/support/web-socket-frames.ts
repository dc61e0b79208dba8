import { randomBytes } from 'node:crypto';
import type { Gateway } from './gateway.js';
import { RawSocket } from './raw-socket.js';

export interface WireFrame {
  fin: boolean;
  reserved: number;
  opcode: number;
  masked: boolean;
  payload: Uint8Array;
  /** What the head says of the length; absent: the truth. */
  claimed?: number | undefined;
}

/** A frame of RFC 6455 as a client sends it, or as none ever should. */
export function packFrame({ fin, reserved, opcode, masked, payload, claimed }: WireFrame): Buffer {
  const length = claimed ?? payload.length;
  const head = Buffer.alloc(length > 65_535 ? 10 : length > 125 ? 4 : 2);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (head.length === 10 ? 127 : head.length === 4 ? 126 : length);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index & 3] as number))]);
}

/** A kernel's channels, opened by hand; whatever is sent after it is the test's own. Undefined where it is refused. */
export async function upgraded(gateway: Gateway, path: string, protocol: string): Promise<RawSocket | undefined> {
  const socket = await RawSocket.open(gateway);
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${gateway.token}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...(protocol === '' ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  const [status] = await socket.send(`${lines.join('\r\n')}\r\n\r\n`).until(/^HTTP\/1\.1 \d+ .*\r\n\r\n/s);
  if (status.includes(' 101 ')) {
    // Only its end is of interest; what comes is read so that the kernel is not held up.
    socket.forget();
    return socket;
  }
  socket.end();
  return undefined;
}

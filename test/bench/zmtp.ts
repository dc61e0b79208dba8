import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';

const FILLER = Buffer.alloc(64);

const greeting = (): Buffer => {
  const bytes = Buffer.from(FILLER);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('NULL', 12);
  return bytes;
};

const head = (size: number, flags: number): Buffer => {
  if (size < 256) return Buffer.from([flags, size]);
  const bytes = Buffer.alloc(9);
  bytes[0] = flags | 2;
  bytes.writeBigUInt64BE(BigInt(size), 1);
  return bytes;
};

const property = (name: string, value: string): Buffer => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), size, Buffer.from(value)]);
};

/**
 * One ZMTP 3.0 connection without security, enough of it to talk to a kernel. Opens upon the READY of the other side:
 * libzmq now and then closes a connection on which a message comes sooner.
 *
 * @see https://rfc.zeromq.org/spec/23/
 */
export class ZmtpSocket extends EventEmitter<{ message: [Buffer[]]; ready: []; close: [] }> {
  private input: Buffer = Buffer.alloc(0);
  private parts: Buffer[] = [];
  private greeted = false;

  private constructor(private readonly socket: Socket) {
    super();
    socket.on('data', (data: Buffer) => this.take(data));
    socket.on('close', () => this.emit('close'));
    socket.on('error', () => {});
  }

  static open(path: string, type: 'DEALER' | 'SUB', identity: string): Promise<ZmtpSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        const own = new ZmtpSocket(socket);
        const ready = Buffer.concat([
          Buffer.from('\x05READY'),
          property('Socket-Type', type),
          property('Identity', identity),
        ]);
        own.once('close', () => reject(new Error(`${path} closed in the handshake`)));
        own.once('ready', () => resolve(own));
        socket.write(Buffer.concat([greeting(), head(ready.length, 4), ready]));
      });
    });
  }

  send(parts: Buffer[]): void {
    this.socket.write(
      Buffer.concat(
        parts.flatMap<Buffer>((part, index) => [head(part.length, index + 1 < parts.length ? 1 : 0), part]),
      ),
    );
  }

  close(): void {
    this.socket.destroy();
  }

  private take(data: Buffer): void {
    this.input = this.input.length === 0 ? data : Buffer.concat([this.input, data]);
    if (!this.greeted) {
      if (this.input.length < 64) return;
      this.input = this.input.subarray(64);
      this.greeted = true;
    }
    for (;;) {
      const flags = this.input[0];
      if (flags === undefined || this.input.length < (flags & 2 ? 9 : 2)) return;
      const start = flags & 2 ? 9 : 2;
      const size = flags & 2 ? Number(this.input.readBigUInt64BE(1)) : (this.input[1] as number);
      if (this.input.length < start + size) return;
      const body = this.input.subarray(start, start + size);
      this.input = this.input.subarray(start + size);
      if (flags & 4) {
        this.emit('ready');
        continue;
      }
      this.parts.push(body);
      if (flags & 1) continue;
      const message = this.parts;
      this.parts = [];
      this.emit('message', message);
    }
  }
}

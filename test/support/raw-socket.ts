import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Gateway } from './gateway.js';

/** A TCP connection to a gateway on which anything can be sent; it keeps what came back. */
export class RawSocket {
  received = '';
  readonly closed: Promise<void>;

  private keeping = true;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      if (this.keeping) this.received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(gateway: Pick<Gateway, 'url'>): Promise<RawSocket> {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: false });
    await once(socket, 'connect');
    return new RawSocket(socket);
  }

  /** Reads on and keeps nothing more. */
  forget(): void {
    this.keeping = false;
  }

  send(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }

  /** Sends `text` again and again, each `everyMs`, until the connection closes. */
  drip(text: string, everyMs: number): this {
    const timer = setInterval(() => this.socket.write(text), everyMs);
    this.socket.once('close', () => clearInterval(timer));
    return this;
  }

  /** Resolves when the text came. Rejects when the connection closes before. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.received);
      if (found) return found;
      const closed = this.closed.then(() => {
        throw new Error(`closed before ${pattern}: ${this.received.slice(0, 500)}`);
      });
      await Promise.race([once(this.socket, 'data'), closed]);
    }
  }

  /** Resolves when all that was sent has left this process, or the connection closed. */
  async taken(): Promise<void> {
    if (this.socket.writableLength > 0) await Promise.race([once(this.socket, 'drain').catch(() => {}), this.closed]);
  }

  /** Sends nothing more; resolves when the other side, which has read all, has closed. */
  async finish(): Promise<void> {
    this.socket.end();
    await this.closed;
  }

  end(): void {
    this.socket.destroy();
  }
}

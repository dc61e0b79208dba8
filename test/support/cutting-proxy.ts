import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What is done with the next request that holds the words: the connection is cut before it, or instead of its answer, or
 * nothing passes it any more, as behind a network that parted; or nothing is.
 */
export type Cut = 'before' | 'after' | 'silence' | 'nothing';

/** Stands between a client and a server on loopback, and cuts connections at the moment that a test names. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next: { words: string; cut: Cut; done(): void } | undefined;
  #refusing = false;

  private constructor(private readonly target: number) {
    this.#server = createServer((near) => this.#serve(near));
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /**
   * Arms it once. With `refusing`, connections made after the cut are closed at once, until `allow`.
   *
   * @returns resolves when it has happened
   */
  cut(words: string, cut: Cut, { refusing = false } = {}): Promise<void> {
    this.#refusing = refusing;
    return new Promise((done) => {
      this.#next = { words, cut, done };
    });
  }

  allow(): void {
    this.#refusing = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(near: Socket): void {
    if (this.#refusing && !this.#next) return void near.destroy();
    const far = connect(this.target, '127.0.0.1');
    let deaf = false;
    let silent = false;
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        // Behind a network that parted, the server does not learn that its client has gone.
        if (silent) return;
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => {
      const cut = this.#next && chunk.includes(this.#next.words) ? this.#next.cut : undefined;
      if (cut !== undefined) {
        this.#next?.done();
        this.#next = undefined;
      }
      if (cut === 'before') return void near.destroy();
      deaf ||= cut === 'after';
      silent ||= cut === 'silence';
      if (!silent) far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (deaf) near.destroy();
      else if (!silent) near.write(chunk);
    });
  }
}

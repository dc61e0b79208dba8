import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Address } from './gateway.js';

/** A load balancer without affinity on loopback: every connection goes to the next of the gateways. */
export class RoundRobin implements Address {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections of each gateway so far. */
  readonly taken: number[];
  #next = 0;

  private constructor(private readonly gateways: readonly Address[]) {
    this.taken = gateways.map(() => 0);
    this.#server = createServer((near) => this.#serve(near));
  }

  static async start(gateways: readonly Address[]): Promise<RoundRobin> {
    const balancer = new RoundRobin(gateways);
    await new Promise<void>((resolve) => balancer.#server.listen(0, '127.0.0.1', resolve));
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  get token(): string {
    return this.gateways[0]?.token ?? '';
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(near: Socket): void {
    const chosen = this.#next++ % this.gateways.length;
    this.taken[chosen] = (this.taken[chosen] ?? 0) + 1;
    const far = connect(Number(new URL(this.gateways[chosen]?.url ?? '').port), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}

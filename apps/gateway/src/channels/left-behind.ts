import type { Channel } from './channel.js';

const KEPT_MS = 60_000;

/**
 * Input of sockets that went while their kernel still waited, kept a minute for the session's next socket: a link that
 * flaps must not lose a cell that is queued. Bounded in bytes; the oldest go first.
 */
export class LeftBehind {
  readonly #channels = new Map<string, { channel: Channel; timer: NodeJS.Timeout }>();

  constructor(private readonly maxBytes: number) {}

  keep(key: string, channel: Channel): void {
    if (channel.heldBytes === 0) return;
    this.take(key);
    this.#channels.set(key, { channel, timer: setTimeout(() => this.take(key), KEPT_MS).unref() });
    for (const oldest of this.#channels.keys()) {
      if (this.#bytes() <= this.maxBytes) break;
      this.take(oldest);
    }
  }

  take(key: string): Channel | undefined {
    const left = this.#channels.get(key);
    if (left === undefined) return undefined;
    clearTimeout(left.timer);
    this.#channels.delete(key);
    return left.channel;
  }

  #bytes(): number {
    return [...this.#channels.values()].reduce((bytes, { channel }) => bytes + channel.heldBytes, 0);
  }
}

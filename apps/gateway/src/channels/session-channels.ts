import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import type { Identity, Kernel } from '#libs/contracts';
import type { Channel } from './channel.js';
import type { ChannelFactory, Granted } from './channel-factory.js';
import type { ChannelRequest } from './channel-request.js';
import { LeftBehind } from './left-behind.js';
import { type ChannelOptions, DEFAULT_TIMING } from './options.js';
import { type AsideSocket, SetAside } from './set-aside.js';
import type { SocketLimits } from './socket-limits.js';

/** What an upgrade asks for, who asks, and of which kernel. */
export interface Judged {
  asked: ChannelRequest;
  identity: Identity;
  kernel: Kernel;
}

interface Opened {
  channel: Channel;
  tokenId: string | undefined;
  /** When its token is no longer good, ms since the epoch. */
  until: number;
  since: number;
}

/** An upgrade that came at `since`, ms since the epoch, and may be opened. */
export type Arrived = Omit<Granted, 'session'> & Judged;

/** The open channels of this gateway: which one is current for a session, and for how long. */
export class SessionChannels {
  readonly #log = new Logger('ChannelServer');
  readonly #channels = new Map<string, Opened>();
  readonly #left: LeftBehind;
  readonly #aside: SetAside;
  readonly #stopListening: () => void;
  #closing = false;
  #lastMs = 0;

  /** @param judge  again, of a socket whose session was opened elsewhere meanwhile; rejects where it may not be open any more */
  constructor(
    private readonly options: ChannelOptions,
    private readonly factory: ChannelFactory,
    private readonly limits: SocketLimits,
    private readonly judge: (request: IncomingMessage) => Promise<Judged>,
  ) {
    this.#left = new LeftBehind(4 * options.pendingBytes);
    const { setAside, closeGrace } = { ...DEFAULT_TIMING, ...options.timing };
    this.#aside = new SetAside(setAside, closeGrace);
    const stopRevoking = factory.events.onTokenRevoked((id) => this.#revoke(id));
    const stopExpiring = factory.rounds.join(() => this.#expire());
    this.#stopListening = () => {
      stopRevoking();
      stopExpiring();
    };
  }

  /** Whether a socket of that session is open. */
  has({ kernel, asked }: Judged): boolean {
    return this.#channels.has(`${kernel.id} ${asked.sessionId}`);
  }

  /** The time, ms since the epoch; later than ever before. */
  nextMs(): number {
    this.#lastMs = Math.max(Date.now(), this.#lastMs + 1);
    return this.#lastMs;
  }

  /** Tells every client to come back, to whichever gateway serves then; what it sends until it closes is still taken. */
  leave(): void {
    this.#closing = true;
    this.#stopListening();
    const graceMs = this.options.drainSeconds * 1000;
    for (const { channel } of this.#channels.values()) channel.leave(1012, 'the gateway restarts', graceMs);
    this.#aside.letAllGo();
  }

  /** @returns undefined where it is not the current one of its session */
  open(arrived: Arrived): Channel | undefined {
    const { ws, asked, identity, kernel, since } = arrived;
    if (this.#closing) {
      ws.close(1012, 'the gateway restarts');
      return undefined;
    }
    const session = asked.sessionId ?? randomUUID();
    const key = `${kernel.id} ${session}`;
    const older = this.#channels.get(key);
    if (older !== undefined && older.since > since) {
      this.#setAside(key, arrived);
      return undefined;
    }
    const closed = this.limits.opened(kernel);
    const channel = this.factory.open(
      { ...arrived, session },
      {
        onClosed: () => {
          closed();
          if (this.#channels.get(key)?.channel === channel) {
            this.#channels.delete(key);
            if (asked.sessionId !== undefined) this.#left.keep(key, channel);
          }
          this.#log.log({ kernelId: kernel.id, session, msg: 'channel closed' });
        },
        onReplaced: () => this.#setAside(key, arrived, channel),
      },
    );
    const until = (identity.expiresAt ?? Number.POSITIVE_INFINITY) + this.options.expiryToleranceSeconds * 1000;
    this.#channels.set(key, { channel, tokenId: identity.tokenId, until, since });
    const left = this.#left.take(key);
    if (left !== undefined) channel.adopt(left);
    if (older !== undefined) {
      channel.adopt(older.channel);
      older.channel.replaced();
    }
    this.#log.log({ kernelId: kernel.id, session, user: identity.user, msg: 'channel opened' });
    return channel;
  }

  #setAside(key: string, arrived: Arrived, channel?: Channel): void {
    const socket = this.#aside.keep(key, arrived.ws, (one) => void this.#takeBack(one, arrived, channel));
    // It spoke while its session went.
    if (channel !== undefined && channel.heldBytes > 0) socket.hear();
  }

  /** Its client speaks: the session is there, and not where it was opened later. */
  async #takeBack(socket: AsideSocket, arrived: Arrived, before?: Channel): Promise<void> {
    try {
      const judged = await this.judge(arrived.request);
      const spoken = socket.takeBack();
      if (spoken === undefined) return;
      // What it had seen it stated when it came; since then its confirmations count.
      const asked = { ...judged.asked, epoch: undefined, seen: undefined };
      const channel = this.open({ ...arrived, ...judged, asked, since: this.nextMs() });
      if (before !== undefined) channel?.adopt(before);
      for (const { data, binary } of spoken) channel?.received(data, binary);
    } catch (error) {
      this.#log.warn({ msg: 'a socket that speaks again is refused', reason: String(error) });
      // Where it comes again it is told why.
      socket.letGo();
    }
  }

  #expire(): void {
    const now = Date.now();
    for (const { channel, until } of this.#channels.values()) {
      if (now >= until) channel.close(1008, 'the token has expired: come back with a new one');
    }
  }

  #revoke(tokenId: string): void {
    for (const opened of this.#channels.values()) {
      if (opened.tokenId === tokenId) opened.channel.close(1008, 'the token was revoked');
    }
  }
}

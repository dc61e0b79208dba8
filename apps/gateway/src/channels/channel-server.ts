import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import { Forbidden, type Identity, type Kernel, NotFound } from '#libs/contracts';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { isShown } from '../kernels/is-shown.js';
import { AUTHENTICATE, type Authenticate, CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import type { Channel } from './channel.js';
import { ChannelFactory, type Granted } from './channel-factory.js';
import { type ChannelRequest, parseChannelRequest } from './channel-request.js';
import { chooseProtocol } from './framing/choose-framing.js';
import { LeftBehind } from './left-behind.js';
import { CHANNEL_OPTIONS, type ChannelOptions, DEFAULT_TIMING } from './options.js';
import { refuseUpgrade } from './refuse-upgrade.js';
import { type AsideSocket, SetAside } from './set-aside.js';
import { SocketLimits } from './socket-limits.js';

interface Opened {
  channel: Channel;
  tokenId: string | undefined;
  /** When its token is no longer good, ms since the epoch. */
  until: number;
  since: number;
}

/** An upgrade that came at `since`, ms since the epoch, and may be opened. */
type Arrived = Omit<Granted, 'session'> & { identity: Identity };

/** Serves the WebSockets of kernels: who may open one, and which one is current for a session. */
@Injectable()
export class ChannelServer implements BeforeApplicationShutdown {
  readonly #log = new Logger(ChannelServer.name);
  readonly #upgrades: WebSocketServer;
  readonly #channels = new Map<string, Opened>();
  readonly #left: LeftBehind;
  readonly #aside: SetAside;
  readonly #limits: SocketLimits;
  readonly #stopListening: () => void;
  #closing = false;
  #lastMs = 0;

  constructor(
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
    @Inject(AUTHENTICATE) private readonly authenticate: Authenticate,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    private readonly factory: ChannelFactory,
    @Inject(CONNECTION_COUNTS) counts: ConnectionCounts,
  ) {
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // A notebook server forwards a browser's binary frames with the text opcode.
      skipUTF8Validation: true,
      autoPong: false,
      maxPayload: options.maxMessageBytes,
      handleProtocols: chooseProtocol,
    });
    this.#left = new LeftBehind(4 * options.pendingBytes);
    const { setAside, closeGrace } = { ...DEFAULT_TIMING, ...options.timing };
    this.#aside = new SetAside(setAside, closeGrace);
    this.#limits = new SocketLimits(options.sockets, counts);
    const stopRevoking = factory.events.onTokenRevoked((id) => this.#revoke(id));
    const stopExpiring = factory.rounds.join(() => this.#expire());
    this.#stopListening = () => {
      stopRevoking();
      stopExpiring();
    };
  }

  /** Takes every upgrade of this server. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Not when it is granted: requests overtake each other while their tokens are checked.
      const since = this.#nextMs();
      // The client may leave while its token is checked.
      const ignore = () => {};
      socket.on('error', ignore);
      this.#judge(request).then(
        (judged) => {
          // One that replaces an older socket of its session is not one more.
          const again = this.#channels.has(`${judged.kernel.id} ${judged.asked.sessionId}`);
          const full = again ? undefined : this.#limits.refusal(judged.kernel);
          if (full !== undefined) return refuseUpgrade(socket, full);
          socket.off('error', ignore);
          (socket as Socket).setNoDelay(true);
          // A host that is gone is noticed also while nothing is read.
          (socket as Socket).setKeepAlive(true, this.options.pingIntervalSeconds * 1000);
          this.#upgrades.handleUpgrade(request, socket, head, (ws) => {
            // The close event that follows says all there is to act on.
            ws.on('error', ignore);
            this.#open({ ws, socket, request, since, ...judged });
          });
        },
        (error) => refuseUpgrade(socket, error),
      );
    });
  }

  /** Tells every client to come back, to whichever gateway serves then; what it sends until it closes is still taken. */
  beforeApplicationShutdown(): void {
    this.#closing = true;
    this.#stopListening();
    const graceMs = this.options.drainSeconds * 1000;
    for (const { channel } of this.#channels.values()) channel.leave(1012, 'the gateway restarts', graceMs);
    this.#aside.letAllGo();
  }

  async #judge(request: IncomingMessage): Promise<{ asked: ChannelRequest; identity: Identity; kernel: Kernel }> {
    const asked = parseChannelRequest(request.url ?? '/', this.options.baseUrl);
    const identity = await this.authenticate(request);
    const admin = identity.scopes.includes('admin');
    if (!admin && !identity.scopes.includes('kernels')) throw new Forbidden('The token does not allow kernels.');
    const kernel = await this.kernels.find(asked.kernelId);
    const visible = kernel !== undefined && (admin || [kernel.owner, kernel.actor].includes(identity.user));
    const endedAfter = Date.now() - this.options.endedVisibleSeconds * 1000;
    const gone = kernel?.phase === 'ended' && !isShown(kernel, endedAfter);
    if (!visible || gone) throw new NotFound(`Kernel does not exist: ${asked.kernelId}`);
    return { asked, identity, kernel };
  }

  #open(arrived: Arrived): Channel | undefined {
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
    const closed = this.#limits.opened(kernel);
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
        onReplaced: () => this.#setAside(key, arrived),
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

  #setAside(key: string, arrived: Arrived): void {
    this.#aside.keep(key, arrived.ws, (socket) => void this.#takeBack(socket, arrived));
  }

  /** Its client speaks: the session is there, and not where it was opened later. */
  async #takeBack(socket: AsideSocket, arrived: Arrived): Promise<void> {
    try {
      const judged = await this.#judge(arrived.request);
      const spoken = socket.takeBack();
      if (spoken === undefined) return;
      // What it had seen it stated when it came; since then its confirmations count.
      const asked = { ...judged.asked, epoch: undefined, seen: undefined };
      const channel = this.#open({ ...arrived, ...judged, asked, since: this.#nextMs() });
      for (const { data, binary } of spoken) channel?.received(data, binary);
    } catch (error) {
      this.#log.warn({ msg: 'a socket that speaks again is refused', reason: String(error) });
      // Where it comes again it is told why.
      socket.letGo();
    }
  }

  /** The time, ms since the epoch; later than ever before. */
  #nextMs(): number {
    this.#lastMs = Math.max(Date.now(), this.#lastMs + 1);
    return this.#lastMs;
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

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { type WebSocket, WebSocketServer } from 'ws';
import { Forbidden, type Identity, type Kernel, NotFound } from '#libs/contracts';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { isShown } from '../kernels/is-shown.js';
import { AUTHENTICATE, type Authenticate, CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import type { Channel } from './channel.js';
import { ChannelFactory } from './channel-factory.js';
import { type ChannelRequest, parseChannelRequest } from './channel-request.js';
import { chooseProtocol } from './framing/choose-framing.js';
import { LeftBehind } from './left-behind.js';
import { CHANNEL_OPTIONS, type ChannelOptions } from './options.js';
import { refuseUpgrade } from './refuse-upgrade.js';
import { SocketLimits } from './socket-limits.js';

interface Opened {
  channel: Channel;
  tokenId: string | undefined;
  /** When its token is no longer good, ms since the epoch. */
  until: number;
}

/** Serves the WebSockets of kernels: who may open one, and which one is current for a session. */
@Injectable()
export class ChannelServer implements BeforeApplicationShutdown {
  readonly #log = new Logger(ChannelServer.name);
  readonly #upgrades: WebSocketServer;
  readonly #channels = new Map<string, Opened>();
  readonly #left: LeftBehind;
  readonly #limits: SocketLimits;
  readonly #stopListening: () => void;
  #closing = false;

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
      // The client may leave while its token is checked.
      const ignore = () => {};
      socket.on('error', ignore);
      this.#judge(request).then(
        ({ asked, identity, kernel }) => {
          // One that replaces an older socket of its session is not one more.
          const again = this.#channels.has(`${kernel.id} ${asked.sessionId}`);
          const full = again ? undefined : this.#limits.refusal(kernel);
          if (full !== undefined) return refuseUpgrade(socket, full);
          socket.off('error', ignore);
          (socket as Socket).setNoDelay(true);
          // A host that is gone is noticed also while nothing is read.
          (socket as Socket).setKeepAlive(true, this.options.pingIntervalSeconds * 1000);
          this.#upgrades.handleUpgrade(request, socket, head, (ws) =>
            this.#open(ws, socket, request, asked, identity, kernel),
          );
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

  #open(
    ws: WebSocket,
    socket: Duplex,
    request: IncomingMessage,
    asked: ChannelRequest,
    identity: Identity,
    kernel: Kernel,
  ): void {
    if (this.#closing) {
      ws.close(1012, 'the gateway restarts');
      return;
    }
    const session = asked.sessionId ?? randomUUID();
    const key = `${kernel.id} ${session}`;
    const older = this.#channels.get(key);
    const closed = this.#limits.opened(kernel);
    const channel = this.factory.open({ ws, socket, request, asked, session, kernel }, () => {
      closed();
      if (this.#channels.get(key)?.channel === channel) {
        this.#channels.delete(key);
        if (asked.sessionId !== undefined) this.#left.keep(key, channel);
      }
      this.#log.log({ kernelId: kernel.id, session, msg: 'channel closed' });
    });
    const until = (identity.expiresAt ?? Number.POSITIVE_INFINITY) + this.options.expiryToleranceSeconds * 1000;
    this.#channels.set(key, { channel, tokenId: identity.tokenId, until });
    const left = this.#left.take(key);
    if (left !== undefined) channel.adopt(left);
    if (older !== undefined) {
      channel.adopt(older.channel);
      older.channel.replaced();
    }
    this.#log.log({ kernelId: kernel.id, session, user: identity.user, msg: 'channel opened' });
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

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { type WebSocket, WebSocketServer } from 'ws';
import { Forbidden, type Identity, type Kernel, NotFound, TooManySockets } from '#libs/contracts';
import { isRestartable } from '#libs/domain';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { AUTHENTICATE, type Authenticate, CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import type { Channel } from './channel.js';
import { ChannelFactory } from './channel-factory.js';
import { type ChannelRequest, parseChannelRequest } from './channel-request.js';
import { chooseProtocol } from './framing/choose-framing.js';
import { LeftBehind } from './left-behind.js';
import { CHANNEL_OPTIONS, type ChannelOptions } from './options.js';
import { refuseUpgrade } from './refuse-upgrade.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Serves the WebSockets of kernels: who may open one, and which one is current for a session. */
@Injectable()
export class ChannelServer implements BeforeApplicationShutdown {
  readonly #log = new Logger(ChannelServer.name);
  readonly #upgrades: WebSocketServer;
  readonly #channels = new Map<string, { channel: Channel; tokenId: string | undefined; user: string }>();
  readonly #left: LeftBehind;
  readonly #stopListening: () => void;
  #closing = false;

  constructor(
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
    @Inject(AUTHENTICATE) private readonly authenticate: Authenticate,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    private readonly factory: ChannelFactory,
    @Inject(CONNECTION_COUNTS) private readonly counts: ConnectionCounts,
  ) {
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // A notebook server forwards a browser's binary frames with the text opcode.
      skipUTF8Validation: true,
      maxPayload: options.maxMessageBytes,
      handleProtocols: chooseProtocol,
    });
    this.#left = new LeftBehind(4 * options.pendingBytes);
    this.#stopListening = factory.events.onTokenRevoked((id) => this.#revoke(id));
  }

  /** Takes every upgrade of this server. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // The client may leave while its token is checked.
      const ignore = () => {};
      socket.on('error', ignore);
      this.#judge(request).then(
        ({ asked, identity, kernel }) => {
          socket.off('error', ignore);
          (socket as Socket).setNoDelay?.(true);
          this.#upgrades.handleUpgrade(request, socket, head, (ws) =>
            this.#open(ws, socket, request, asked, identity, kernel),
          );
        },
        (error) => refuseUpgrade(socket, error),
      );
    });
  }

  /** Tells every client to come back, to whichever gateway serves then. */
  beforeApplicationShutdown(): void {
    this.#closing = true;
    this.#stopListening();
    for (const { channel } of this.#channels.values()) channel.close(1012, 'the gateway restarts');
  }

  async #judge(request: IncomingMessage): Promise<{ asked: ChannelRequest; identity: Identity; kernel: Kernel }> {
    const asked = parseChannelRequest(request.url ?? '/', this.options.baseUrl);
    const identity = await this.authenticate(request);
    const admin = identity.scopes.includes('admin');
    if (!admin && !identity.scopes.includes('kernels')) throw new Forbidden('The token does not allow kernels.');
    const kernel = await this.kernels.find(asked.kernelId);
    const visible = kernel !== undefined && (admin || [kernel.owner, kernel.actor].includes(identity.user));
    this.#checkCount(identity.user);
    if (!visible || (kernel.phase === 'ended' && !isRestartable(kernel)))
      throw new NotFound(`Kernel does not exist: ${asked.kernelId}`);
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
    const closed = this.counts.opened(kernel.id);
    const channel = this.factory.open({ ws, socket, request, asked, session, kernel }, () => {
      closed();
      if (this.#channels.get(key)?.channel === channel) {
        this.#channels.delete(key);
        if (asked.sessionId !== undefined) this.#left.keep(key, channel);
      }
      this.#log.log({ kernelId: kernel.id, session, msg: 'channel closed' });
    });
    this.#channels.set(key, { channel, tokenId: identity.tokenId, user: identity.user });
    if (identity.expiresAt !== undefined) this.#closeAt(identity.expiresAt, channel, ws);
    const left = this.#left.take(key);
    if (left !== undefined) channel.adopt(left);
    if (older !== undefined) {
      channel.adopt(older.channel);
      older.channel.replaced();
    }
    this.#log.log({ kernelId: kernel.id, session, user: identity.user, msg: 'channel opened' });
  }

  #checkCount(user: string): void {
    const limit = this.options.maxSocketsPerUser;
    const open = [...this.#channels.values()].filter((opened) => opened.user === user).length;
    if (open < limit) return;
    throw new TooManySockets(`${user} has ${limit} sockets open, and no more may be.`, { limit });
  }

  /** A client comes back with a token that is good then; a notebook server has it from its renewer. */
  #closeAt(expiresAt: number, channel: Channel, ws: WebSocket): void {
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, expiresAt - Date.now()));
    const again = (): void => {
      if (Date.now() < expiresAt) this.#closeAt(expiresAt, channel, ws);
      else channel.close(1008, 'the token has expired');
    };
    const timer = setTimeout(again, wait).unref();
    ws.once('close', () => clearTimeout(timer));
  }

  #revoke(tokenId: string): void {
    for (const opened of this.#channels.values()) {
      if (opened.tokenId === tokenId) opened.channel.close(1008, 'the token was revoked');
    }
  }
}

import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import { Forbidden, NotFound } from '#libs/contracts';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { isShown } from '../kernels/is-shown.js';
import { AUTHENTICATE, type Authenticate, CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import { ChannelFactory } from './channel-factory.js';
import { parseChannelRequest } from './channel-request.js';
import { chooseProtocol } from './framing/choose-framing.js';
import { CHANNEL_OPTIONS, type ChannelOptions } from './options.js';
import { refuseUpgrade } from './refuse-upgrade.js';
import { type Judged, SessionChannels } from './session-channels.js';
import { SocketLimits } from './socket-limits.js';

/** Serves the WebSockets of kernels: who may open one. */
@Injectable()
export class ChannelServer implements BeforeApplicationShutdown {
  readonly #upgrades: WebSocketServer;
  readonly #limits: SocketLimits;
  readonly #channels: SessionChannels;

  constructor(
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
    @Inject(AUTHENTICATE) private readonly authenticate: Authenticate,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    factory: ChannelFactory,
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
    this.#limits = new SocketLimits(options.sockets, counts);
    this.#channels = new SessionChannels(options, factory, this.#limits, (request) => this.#judge(request));
  }

  /** Takes every upgrade of this server. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Not when it is granted: requests overtake each other while their tokens are checked.
      const since = this.#channels.nextMs();
      // The client may leave while its token is checked.
      const ignore = () => {};
      socket.on('error', ignore);
      this.#judge(request).then(
        (judged) => {
          // One that replaces an older socket of its session is not one more.
          const full = this.#channels.has(judged) ? undefined : this.#limits.refusal(judged.kernel);
          if (full !== undefined) return refuseUpgrade(socket, full);
          socket.off('error', ignore);
          (socket as Socket).setNoDelay(true);
          // A host that is gone is noticed also while nothing is read.
          (socket as Socket).setKeepAlive(true, this.options.pingIntervalSeconds * 1000);
          this.#upgrades.handleUpgrade(request, socket, head, (ws) => {
            // The close event that follows says all there is to act on.
            ws.on('error', ignore);
            this.#channels.open({ ws, socket, request, since, ...judged });
          });
        },
        (error) => refuseUpgrade(socket, error),
      );
    });
  }

  beforeApplicationShutdown(): void {
    this.#channels.leave();
  }

  async #judge(request: IncomingMessage): Promise<Judged> {
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
}

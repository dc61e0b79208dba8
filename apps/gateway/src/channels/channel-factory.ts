import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { GatekeeperCommands, type Kernel } from '#libs/contracts';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { GATEKEEPER, type Gatekeeper, KERNEL_EVENTS, type KernelEvents } from '../ports.js';
import { Channel } from './channel.js';
import { ChannelMetrics } from './channel-metrics.js';
import type { ChannelRequest } from './channel-request.js';
import { ClientSocket } from './client-socket.js';
import { framingFor } from './framing/choose-framing.js';
import { CHANNEL_OPTIONS, type ChannelOptions, DEFAULT_TIMING } from './options.js';

/** An upgrade that was granted. */
export interface Granted {
  ws: WebSocket;
  socket: Duplex;
  request: IncomingMessage;
  asked: ChannelRequest;
  session: string;
  kernel: Kernel;
}

/** Puts a channel together and ties it to its kernel's changes. */
@Injectable()
export class ChannelFactory {
  readonly #log = new Logger(ChannelFactory.name);

  constructor(
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
    @Inject(KERNEL_EVENTS) readonly events: KernelEvents,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    @Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper,
    private readonly metrics: ChannelMetrics,
  ) {}

  open({ ws, socket, request, asked, session, kernel }: Granted, onClosed: () => void): Channel {
    const timing = { ...DEFAULT_TIMING, ...this.options.timing };
    const client = new ClientSocket(ws, socket, this.metrics, this.options.pingIntervalSeconds, timing);
    const channel = new Channel({
      client,
      framing: framingFor(ws.protocol, request.headers['user-agent']),
      session,
      position: { epoch: asked.epoch, seen: asked.seen, ephemeral: asked.sessionId === undefined },
      explain: () => this.gatekeeper.send(GatekeeperCommands.explainKernel, { kernelId: kernel.id }),
      pendingBytes: this.options.pendingBytes,
      timing,
      metrics: this.metrics,
      onClosed: () => {
        stopListening();
        this.metrics.sockets -= 1;
        onClosed();
      },
    });
    this.metrics.sockets += 1;
    const stopListening = this.events.on(kernel.id, (changed) => channel.kernelChanged(changed));
    client.listen(channel);
    channel.kernelChanged(kernel);
    void this.#catchUp(kernel, channel);
    return channel;
  }

  /** Changes between the first look and the first event. */
  async #catchUp(kernel: Kernel, channel: Channel): Promise<void> {
    try {
      const now = await this.kernels.find(kernel.id);
      if (now !== undefined) channel.kernelChanged(now);
    } catch (error) {
      this.#log.warn({ kernelId: kernel.id, msg: 'the store could not be read', reason: String(error) });
    }
  }
}

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { GatekeeperCommands, type Kernel } from '#libs/contracts';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { GATEKEEPER, type Gatekeeper, KERNEL_EVENTS, type KernelEvents } from '../ports.js';
import { Channel, type ChannelParts } from './channel.js';
import { ChannelMetrics } from './channel-metrics.js';
import type { ChannelRequest } from './channel-request.js';
import { ClientSocket } from './client-socket.js';
import { framingFor } from './framing/choose-framing.js';
import { Liveness } from './liveness.js';
import { MalformedInput } from './malformed-input.js';
import { CHANNEL_OPTIONS, type ChannelOptions, DEFAULT_TIMING } from './options.js';
import { Rounds } from './rounds.js';

/** An upgrade that was granted. */
export interface Granted {
  ws: WebSocket;
  socket: Duplex;
  request: IncomingMessage;
  /** When it came, or its client last took the session back; ms since the epoch. */
  since: number;
  asked: ChannelRequest;
  session: string;
  kernel: Kernel;
}

/** Puts a channel together and ties it to its kernel's changes. */
@Injectable()
export class ChannelFactory {
  readonly #log = new Logger(ChannelFactory.name);
  /** Visits every socket, often enough for the shortest of its waits. */
  readonly rounds: Rounds;

  constructor(
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
    @Inject(KERNEL_EVENTS) readonly events: KernelEvents,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    @Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper,
    private readonly metrics: ChannelMetrics,
  ) {
    const { pingIntervalSeconds, stalledSeconds } = options;
    this.rounds = new Rounds(Math.min(1, pingIntervalSeconds / 2, stalledSeconds / 4) * 1000);
  }

  open(granted: Granted, { onClosed, onReplaced }: Pick<ChannelParts, 'onClosed' | 'onReplaced'>): Channel {
    const { ws, socket, request, since, asked, session, kernel } = granted;
    const timing = { ...DEFAULT_TIMING, ...this.options.timing };
    const framing = framingFor(ws.protocol, request.headers['user-agent']);
    const { pingIntervalSeconds, stalledSeconds } = this.options;
    const liveness = new Liveness(pingIntervalSeconds * 1000, stalledSeconds * 1000, performance.now());
    const client = new ClientSocket(ws, socket as Socket, this.metrics, liveness, timing, framing.mostOpen);
    const leave = this.rounds.join((now) => client.look(now));
    const channel = new Channel({
      client,
      framing,
      session,
      position: {
        epoch: asked.epoch,
        seen: asked.seen,
        ephemeral: asked.sessionId === undefined,
        since,
      },
      explain: () => this.gatekeeper.send(GatekeeperCommands.explainKernel, { kernelId: kernel.id }),
      info: () => this.kernels.infoFor(kernel),
      pendingBytes: this.options.pendingBytes,
      malformed: new MalformedInput(this.options.maxMalformed),
      timing,
      metrics: this.metrics,
      onClosed: () => {
        leave();
        stopListening();
        this.metrics.sockets -= 1;
        onClosed();
      },
      onReplaced,
    });
    this.metrics.sockets += 1;
    const stopListening = this.events.on(kernel.id, {
      changed: (row) => channel.kernelChanged(row),
      interrupted: () => channel.interrupted(),
    });
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

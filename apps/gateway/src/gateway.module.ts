import type { IncomingMessage, Server } from 'node:http';
import { type DynamicModule, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Registry } from 'prom-client';
import { AuthModule } from '#libs/auth';
import { LOG, type Log, MetricsModule } from '#libs/platform';
import {
  INPUT_LOG_READER,
  type InputLogReader,
  KERNEL_READER,
  type KernelReader,
  SESSION_READER,
  type SessionReader,
  TOKEN_READER,
  type TokenReader,
} from '#libs/store';
import { LogController } from './admin/log.controller.js';
import { SchedulingController } from './admin/scheduling.controller.js';
import { ChannelMetrics } from './channels/channel-metrics.js';
import { channelProviders } from './channels/channel-providers.js';
import { ChannelServer } from './channels/channel-server.js';
import { CHANNEL_OPTIONS, type ChannelOptions } from './channels/options.js';
import { EventStreamsController } from './events/event-streams.controller.js';
import { EventStreams } from './events/event-streams.js';
import { KernelEventsController } from './events/kernel-events.controller.js';
import { KernelEventsHub } from './events/kernel-events.hub.js';
import { KernelStates } from './events/kernel-states.js';
import { MissedEvents } from './events/missed-events.js';
import { OpenConnections } from './events/open-connections.js';
import { Callers } from './http/callers.js';
import { Drain } from './http/drain.js';
import { Interrupter } from './kernels/interrupter.js';
import { KernelsController } from './kernels/kernels.controller.js';
import { KernelsService } from './kernels/kernels.service.js';
import { SubmissionService } from './kernels/submission.service.js';
import { V1KernelsController } from './kernels/v1-kernels.controller.js';
import { KernelspecsController } from './kernelspecs/kernelspecs.controller.js';
import { KERNELSPECS, type KernelspecCatalogue } from './kernelspecs/kernelspecs.port.js';
import { V1KernelspecsController } from './kernelspecs/v1-kernelspecs.controller.js';
import {
  AUTHENTICATE,
  type Authenticate,
  CONNECTION_COUNTS,
  GATEKEEPER,
  type Gatekeeper,
  KERNEL_EVENTS,
} from './ports.js';
import { ApiController } from './service/api.controller.js';
import { ProbesController } from './service/probes.controller.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsService } from './sessions/sessions.service.js';
import { CONFIG, type Config } from './settings.js';
import { TokensController } from './tokens/tokens.controller.js';
import { TokensService } from './tokens/tokens.service.js';

/** What the edge is made of besides itself. */
export interface GatewayParts {
  config: Config;
  log: Log;
  kernelReader: KernelReader;
  sessionReader: SessionReader;
  tokenReader: TokenReader;
  inputLogReader: InputLogReader;
  gatekeeper: Gatekeeper;
  kernelspecs: KernelspecCatalogue;
  /** Where metrics are collected; by default a registry of its own. */
  metrics?: Registry;
}

const channelOptions = ({ baseUrl, channels, kernels, auth, http }: Config): ChannelOptions => ({
  baseUrl,
  endedVisibleSeconds: kernels.endedVisibleSeconds,
  pendingBytes: channels.pendingBytes,
  maxMessageBytes: channels.maxMessageBytes,
  pingIntervalSeconds: channels.pingIntervalSeconds,
  stalledSeconds: channels.stalledSeconds,
  maxMalformed: channels.maxMalformed,
  sockets: { all: channels.maxSockets, perUser: channels.maxSocketsPerUser, perKernel: channels.maxSocketsPerKernel },
  expiryToleranceSeconds: auth.clockToleranceSeconds,
  drainSeconds: http.drainSeconds,
});

/** The edge: open it by `openEdge`, and connect the bus whose events it hears as a microservice. */
@Module({})
export class GatewayModule implements OnApplicationBootstrap {
  constructor(
    private readonly channels: ChannelServer,
    private readonly host: HttpAdapterHost,
    channelMetrics: ChannelMetrics,
    metrics: Registry,
  ) {
    channelMetrics.register(metrics);
  }

  static with(parts: GatewayParts): DynamicModule {
    const { config, log, gatekeeper, kernelspecs, metrics } = parts;
    const { kernelReader, sessionReader, tokenReader, inputLogReader } = parts;
    const given = [
      { provide: CONFIG, useValue: config },
      { provide: LOG, useValue: log },
      { provide: KERNEL_READER, useValue: kernelReader },
      { provide: SESSION_READER, useValue: sessionReader },
      { provide: TOKEN_READER, useValue: tokenReader },
      { provide: INPUT_LOG_READER, useValue: inputLogReader },
      { provide: GATEKEEPER, useValue: gatekeeper },
      { provide: KERNELSPECS, useValue: kernelspecs },
      { provide: CHANNEL_OPTIONS, useValue: channelOptions(config) },
    ];
    return {
      module: GatewayModule,
      imports: [AuthModule.with(config, tokenReader), MetricsModule.with(metrics)],
      controllers: [
        ApiController,
        ProbesController,
        KernelEventsController,
        KernelsController,
        V1KernelsController,
        EventStreamsController,
        KernelspecsController,
        V1KernelspecsController,
        SessionsController,
        LogController,
        SchedulingController,
        TokensController,
      ],
      providers: [
        ...given,
        ...channelProviders,
        KernelEventsHub,
        MissedEvents,
        KernelStates,
        EventStreams,
        { provide: KERNEL_EVENTS, useExisting: KernelEventsHub },
        { provide: CONNECTION_COUNTS, useClass: OpenConnections },
        {
          provide: AUTHENTICATE,
          useFactory:
            (callers: Callers): Authenticate =>
            (request: IncomingMessage) =>
              callers.identify(request, request.socket.remoteAddress ?? ''),
          inject: [Callers],
        },
        Callers,
        Drain,
        Interrupter,
        KernelsService,
        SubmissionService,
        SessionsService,
        TokensService,
      ],
      exports: [AuthModule],
    };
  }

  onApplicationBootstrap(): void {
    this.channels.attach(this.host.httpAdapter.getHttpServer() as Server);
  }
}

import type { Provider } from '@nestjs/common';
import { ChannelFactory } from './channel-factory.js';
import { ChannelMetrics } from './channel-metrics.js';
import { ChannelServer } from './channel-server.js';

/**
 * The relay, for the gateway's module. It needs CHANNEL_OPTIONS, AUTHENTICATE, KERNEL_READER, KERNEL_EVENTS and
 * GATEKEEPER; call `ChannelServer.attach` with the HTTP server, and `ChannelMetrics.register` once.
 */
export const channelProviders: Provider[] = [ChannelMetrics, ChannelFactory, ChannelServer];

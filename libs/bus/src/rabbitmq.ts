import type { Addressee, RabbitClient } from './rabbitmq/rabbit-client.js';
import type { RabbitOptions } from './rabbitmq/rabbit-options.js';
import type { RabbitServer, RabbitServerOptions } from './rabbitmq/rabbit-server.js';

export { messageIdOf } from './rabbitmq/rabbit-context.js';
export * from './rabbitmq/topology.js';
export type { Addressee, RabbitClient, RabbitOptions, RabbitServer, RabbitServerOptions };

// Loaded where they are used: an embedded service would carry them in each of its threads.

/** A client of a service, or of every gateway; see `RabbitClient`. It connects when it is first used. */
export const rabbitClient = async (options: RabbitOptions, addressee: Addressee): Promise<RabbitClient> =>
  new (await import('./rabbitmq/rabbit-client.js')).RabbitClient(options, addressee);

/** The transport of a service; see `RabbitServer`. It connects when it is told to listen. */
export const rabbitServer = async (options: RabbitServerOptions): Promise<RabbitServer> =>
  new (await import('./rabbitmq/rabbit-server.js')).RabbitServer(options);

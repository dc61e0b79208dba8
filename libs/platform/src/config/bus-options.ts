import { AesSeal } from '../aes-seal.js';
import type { Config } from '../config.schema.js';
import { givenTls } from './tls-files.js';

/**
 * RabbitMQ, as `libs/bus` takes it.
 *
 * @param name  of the service and its replica, in the broker's list of connections
 */
export const busOptions = (
  { bus, sealingKeyFile }: Pick<Config, 'bus' | 'sealingKeyFile'>,
  name: string,
  warn: (sentence: string) => void,
) => ({
  url: bus.url,
  ...givenTls(bus.tls),
  name,
  prefetch: bus.prefetch,
  timeoutMs: bus.timeoutSeconds * 1000,
  publishMs: bus.publishSeconds * 1000,
  maxPublishing: bus.maxPublishing,
  reconnectMs: bus.reconnectSeconds * 1000,
  warn,
  ...(sealingKeyFile === '' ? {} : { seal: AesSeal.fromFile(sealingKeyFile) }),
});

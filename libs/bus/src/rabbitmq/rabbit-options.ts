import type { ConnectionOptions } from 'node:tls';
import type { Seal } from '#libs/domain';

/** How a service speaks to RabbitMQ. */
export interface RabbitOptions {
  /** `amqp://user:password@host:port/vhost`, `amqps://…` for TLS */
  url: string;
  /** Of `tls.connect`, for `amqps`; the broker's name is checked in any case. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>;
  /** Name of the connection in the broker's lists: the service, and which of its replicas. */
  name: string;
  /** Messages worked on at once; the rest wait in the broker. */
  prefetch?: number;
  /** How long the answer to a command may take; the command is not delivered any more after that. Milliseconds. */
  timeoutMs?: number;
  /** How long a message may wait for its confirmation, outages included, milliseconds. */
  publishMs?: number;
  /** Messages that may wait for that at once. */
  maxPublishing?: number;
  /** Longest pause between two attempts to connect, milliseconds; the first is a fiftieth of it. */
  reconnectMs?: number;
  /** For the messages that wait in the broker; all services have the same. */
  seal?: Seal;
  /** Told of losses and of what can't be repaired by trying again; sentences for the log. */
  warn?: (sentence: string) => void;
}

export const RABBIT_DEFAULTS = {
  prefetch: 500,
  timeoutMs: 10_000,
  publishMs: 5_000,
  maxPublishing: 10_000,
  reconnectMs: 5_000,
} as const;

import type { Channel } from 'amqplib';

/** Services that take commands and facts, each from a queue of its own. */
export const SERVICES = ['gatekeeper', 'launcher'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Queues can't be declared anew with other arguments: who changes those counts this up, and drains the old ones. */
const VERSION = 'beamgate.v1';

export const EXCHANGES = {
  /** Commands and facts; the routing key is the name of the service. */
  services: `${VERSION}.services`,
  /** What every gateway hears. */
  events: `${VERSION}.events`,
  /** Messages that were put aside; the routing key is the queue they were in. */
  dead: `${VERSION}.dead`,
  /** What other programs submit, `submit.<queue>`. Their interface, so without a version of ours. */
  jobs: 'beamgate.jobs',
  /** What another program sent where no queue is. */
  unrouted: 'beamgate.unrouted',
} as const;

export const queueOf = (service: ServiceName): string => `${VERSION}.${service}`;
export const deadLettersOf = (queue: string): string => `${queue}.dead`;
export const UNROUTED_QUEUE = 'beamgate.unrouted';

/** Delivered so often without an end, a message is put aside. */
export const DELIVERY_LIMIT = 5;
/** Messages that may wait for one service, or for one gateway; a policy of the broker can only lower it. */
export const MAX_QUEUED = 100_000;

/**
 * Declares everything that stays in the broker. The same again changes nothing, so every service does it at each
 * connection, and none depends on which came first.
 *
 * Order within a queue is the order of arrival: message priority is refused by quorum queues of RabbitMQ 3, and what
 * goes first is decided by the gatekeeper anyway.
 *
 * @throws the broker's PRECONDITION_FAILED, with the argument that differs, where a queue is there in another form
 */
export async function declareTopology(channel: Channel): Promise<void> {
  await channel.assertExchange(EXCHANGES.services, 'direct', { durable: true });
  await channel.assertExchange(EXCHANGES.events, 'fanout', { durable: true });
  await channel.assertExchange(EXCHANGES.dead, 'direct', { durable: true });
  await channel.assertExchange(EXCHANGES.unrouted, 'fanout', { durable: true });
  await channel.assertExchange(EXCHANGES.jobs, 'topic', { durable: true, alternateExchange: EXCHANGES.unrouted });
  await bounded(channel, UNROUTED_QUEUE);
  await channel.bindQueue(UNROUTED_QUEUE, EXCHANGES.unrouted, '');
  for (const service of SERVICES) {
    const queue = queueOf(service);
    await bounded(channel, deadLettersOf(queue));
    await channel.bindQueue(deadLettersOf(queue), EXCHANGES.dead, queue);
    await channel.assertQueue(queue, { durable: true, arguments: serviceArguments(queue) });
    await channel.bindQueue(queue, EXCHANGES.services, service);
  }
}

const serviceArguments = (queue: string): Record<string, unknown> => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': DELIVERY_LIMIT,
  'x-max-length': MAX_QUEUED,
  // A full queue refuses, so that the publisher learns it; also what at-least-once asks for.
  'x-overflow': 'reject-publish',
  'x-dead-letter-exchange': EXCHANGES.dead,
  'x-dead-letter-routing-key': queue,
  'x-dead-letter-strategy': 'at-least-once',
});

/** For people to look into; of too many the oldest go. */
const bounded = (channel: Channel, queue: string): Promise<unknown> =>
  channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-max-length': MAX_QUEUED } });

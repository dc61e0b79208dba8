import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Histogram, Registry } from 'prom-client';
import type { AuthenticatedRequest } from '#libs/auth';
import { type Log, requestContext } from '#libs/platform';
import type { Config } from '../settings.js';
import { corsHeaders } from './cors.js';
import { Drain } from './drain.js';
import { readToEnd } from './read-to-end.js';

/** What is still read of a body that nobody wants. */
const OF_CALLERS = { bytes: 16 * 1024 * 1024, ms: 2000 };
const OF_STRANGERS = { bytes: 256 * 1024, ms: 1000 };

/** Request ids, CORS, refusals that arrive, and the measure of every request. */
export const addRequestHooks = (
  fastify: FastifyInstance,
  app: INestApplicationContext,
  config: Config,
  log: Log,
): void => {
  const durations = new Histogram({
    name: 'beamgate_http_request_seconds',
    help: 'Time from a request to its answer, seconds',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [app.get(Registry)],
  });
  const drain = app.get(Drain);
  const headers = { ...corsHeaders(config.cors), 'x-content-type-options': 'nosniff' };

  fastify.addHook('onRequest', (request, reply, next) => {
    void reply.headers(headers).header('x-request-id', request.id);
    if (request.method === 'OPTIONS') void reply.code(204).send();
    else requestContext.run({ requestId: request.id }, next);
  });
  fastify.addHook('onSend', async (request: FastifyRequest & AuthenticatedRequest, reply) => {
    const { raw, identity } = request;
    if (!raw.complete && !raw.destroyed) {
      await readToEnd(raw, identity === undefined ? OF_STRANGERS : OF_CALLERS);
      if (!raw.complete) void reply.header('connection', 'close');
    }
    if (drain.begun) void reply.header('connection', 'close');
  });
  fastify.addHook('onResponse', (request, reply, next) => {
    const route = request.routeOptions.url ?? 'none';
    durations.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000);
    // The head of what was streamed is older than the drain, and kept the connection.
    if (drain.begun) request.raw.socket.end();
    log.debug({ method: request.method, route, status: reply.statusCode, ms: reply.elapsedTime }, 'answered');
    next();
  });
};

import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Histogram, Registry } from 'prom-client';
import { type Log, requestContext } from '#libs/platform';
import type { Config } from '../settings.js';
import { corsHeaders } from './cors.js';
import { readToEnd } from './read-to-end.js';

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
  const headers = { ...corsHeaders(config.cors), 'x-content-type-options': 'nosniff' };

  fastify.addHook('onRequest', (request, reply, next) => {
    void reply.headers(headers).header('x-request-id', request.id);
    if (request.method === 'OPTIONS') void reply.code(204).send();
    else requestContext.run({ requestId: request.id }, next);
  });
  fastify.addHook('onSend', async ({ raw }) => {
    if (!raw.complete && !raw.destroyed) await readToEnd(raw);
  });
  fastify.addHook('onResponse', (request, reply, next) => {
    const route = request.routeOptions.url ?? 'none';
    durations.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000);
    log.debug({ method: request.method, route, status: reply.statusCode, ms: reply.elapsedTime }, 'answered');
    next();
  });
};

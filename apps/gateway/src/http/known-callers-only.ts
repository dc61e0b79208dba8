import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from '#libs/auth';
import type { Callers } from './callers.js';

/** Whoever runs the service may ask these as often as it takes; they read no body. */
const PROBES: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || !['0', undefined].includes(headers['content-length']);

/** Learns who calls from the head of a request: the body of one that is not known is never read. */
export const addKnownCallersOnly = (fastify: FastifyInstance, callers: Callers): void => {
  fastify.addHook('onRequest', async (request: FastifyRequest & AuthenticatedRequest) => {
    if (PROBES.has(request.routeOptions.url)) return;
    try {
      request.identity = await callers.identify(request, request.ip);
    } catch (error) {
      // Without a body the guard decides: a few handlers tell nothing of anyone.
      if (hasBody(request) || (error as { status?: number }).status === 429) throw error;
      request.refusal = error;
    }
  });
};

import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { Registry } from 'prom-client';
import type { Config } from '../config.schema.js';
import { addProcessMetrics } from '../metrics/process-metrics.js';
import type { Readiness } from './readiness.js';

export interface Probes {
  url: string;
  /** What `/metrics` tells. */
  metrics: Registry;
  close(): Promise<void>;
}

/** `/healthz`, `/readyz` and `/metrics` of a service that has no other HTTP: nobody needs a token, nothing is told but that. */
export async function openProbes({ host, port }: Pick<Config, 'host' | 'port'>, readiness: Readiness): Promise<Probes> {
  const app = fastify();
  const metrics = new Registry();
  addProcessMetrics(metrics);
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const { ready, checks } = await readiness.run();
    if (!ready) void reply.status(503).header('retry-after', '1');
    return { status: ready ? 'ok' : 'unavailable', checks };
  });
  app.get('/metrics', async (_request, reply) => {
    void reply.header('content-type', Registry.PROMETHEUS_CONTENT_TYPE);
    return metrics.metrics();
  });
  await app.listen({ host, port });
  const { port: taken } = app.server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
  return { url, metrics, close: () => app.close() };
}

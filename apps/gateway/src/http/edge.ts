import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuthGuard } from '#libs/auth';
import { type Log, NestLog } from '#libs/platform';
import type { Config } from '../settings.js';
import { Callers } from './callers.js';
import { HttpProblemFilter, problemOf } from './http-problem.filter.js';
import { addKnownCallersOnly } from './known-callers-only.js';
import { refuseConnection } from './refuse-connection.js';
import { addRequestHooks } from './request-hooks.js';
import { sendProblem } from './send-problem.js';
import { addTolerantBodyParser } from './tolerant-body.js';

/** How often at most connections are looked at for what they have not sent in time. */
const LOOK_EVERY_MS = { least: 50, most: 5000 };

const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
};

/** Paths below the configured base; those outside lead nowhere, but for the probes at the root. */
const withoutBase = (baseUrl: string, url: string): string => {
  if (baseUrl === '/') return url;
  if (url.startsWith(baseUrl)) return url.slice(baseUrl.length - 1);
  return /^\/(healthz|readyz|metrics)(\?|$)/.test(url) ? url : '/outside-of-the-base-url';
};

/** The HTTP server of the edge: one Nest application on Fastify, secure by default. Listens when told to. */
export const openEdge = async (
  root: Type<unknown> | DynamicModule,
  config: Config,
  log: Log,
): Promise<NestFastifyApplication> => {
  const { http } = config;
  const headersTimeout = http.headTimeoutSeconds * 1000;
  const adapter = new FastifyAdapter({
    bodyLimit: http.maxBodyBytes,
    keepAliveTimeout: http.keepAliveSeconds * 1000,
    requestTimeout: Math.max(http.requestTimeoutSeconds * 1000, headersTimeout),
    clientErrorHandler: refuseConnection,
    // A path that is no URL, or too long a part of one: known before any route, so no filter sees it.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(problemOf(error), request, reply),
    http: {
      maxHeaderSize: http.maxHeaderBytes,
      headersTimeout,
      connectionsCheckingInterval: Math.min(LOOK_EVERY_MS.most, Math.max(LOOK_EVERY_MS.least, headersTimeout / 4)),
    },
    genReqId: requestIdOf,
    rewriteUrl: (request: { url?: string }) => withoutBase(config.baseUrl, request.url ?? '/'),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
  } as never);
  const app = await NestFactory.create<NestFastifyApplication>(root as never, adapter, {
    logger: new NestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  addTolerantBodyParser(fastify as never);
  addRequestHooks(fastify as never, app, config, log);
  addKnownCallersOnly(fastify as never, app.get(Callers));
  app.getHttpServer().maxConnections = http.maxConnections;
  app.useGlobalGuards(app.get(AuthGuard));
  app.useGlobalFilters(new HttpProblemFilter(log));
  return app;
};

import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#libs/contracts';
import type { Log } from '#libs/platform';
import { sendProblem } from './send-problem.js';

const NAMES: Readonly<Record<number, string>> = {
  400: 'bad-request',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'too-large',
  415: 'unsupported-media-type',
};

/** What a client is told about anything that was thrown. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown }).statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new Problem(NAMES[status] ?? 'bad-request', status, (error as Error).message);
  return new Problem('internal', 500, 'This is a fault of the service; its log says more under the request id.');
};

/** Errors as RFC 9457 on `/v1`, as `{reason, message}` elsewhere. A stack trace never leaves the log. */
@Catch()
export class HttpProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    const problem = problemOf(error);
    if (problem.status >= 500)
      this.log.error({ err: error, method: request.method, url: request.url }, 'request failed');
    sendProblem(problem, request, reply);
  }
}

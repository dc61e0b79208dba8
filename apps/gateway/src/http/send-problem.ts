import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem, ProblemDocument } from '#libs/contracts';

/** Enterprise Gateway answers 400 where a request is wrong and 403 where a limit forbids it. */
const DIALECT_STATUS: Readonly<Record<string, number>> = { 'invalid-request': 400, 'never-fits': 403 };

/** Answers by RFC 9457 on `/v1`, by `{reason, message}` elsewhere. */
export const sendProblem = (problem: Problem, request: FastifyRequest, reply: FastifyReply): void => {
  const document = problem.toDocument(request.id);
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="beamgate"');
  if (typeof document['retryAfterSeconds'] === 'number')
    void reply.header('retry-after', document['retryAfterSeconds']);
  const v1 = request.url.startsWith('/v1');
  void reply
    .status(v1 ? problem.status : (DIALECT_STATUS[problem.code] ?? problem.status))
    .header('content-type', v1 ? 'application/problem+json' : 'application/json')
    .send(JSON.stringify(v1 ? document : dialect(document)));
};

const dialect = ({ title, detail, errors, instance }: ProblemDocument) => ({
  reason: title,
  message: detail,
  ...(errors === undefined ? {} : { errors }),
  ...(instance === undefined ? {} : { request_id: instance }),
});

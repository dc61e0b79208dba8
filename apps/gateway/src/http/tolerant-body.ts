import type { FastifyInstance } from 'fastify';
import { InvalidRequest } from '#libs/contracts';

/** Every body is read as JSON, whatever its type says, and an empty one is none: so clients of the dialect send it. */
export const addTolerantBodyParser = (fastify: FastifyInstance): void => {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    const text = String(body);
    if (text.trim() === '') return done(null, undefined);
    try {
      done(null, JSON.parse(text));
    } catch {
      const message = 'is not valid JSON';
      done(new InvalidRequest(`The body ${message}.`, { errors: [{ field: 'body', message }] }));
    }
  });
};

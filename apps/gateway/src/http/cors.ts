import type { Config } from '../settings.js';

/** Headers of every answer, preflights too; none where no origin is allowed. */
export const corsHeaders = (cors: Config['cors']): Record<string, string> =>
  cors.allowOrigin === ''
    ? {}
    : {
        'access-control-allow-origin': cors.allowOrigin,
        'access-control-allow-headers': cors.allowHeaders,
        'access-control-allow-methods': cors.allowMethods,
        'access-control-max-age': String(cors.maxAgeSeconds),
        'access-control-expose-headers': 'location, x-request-id',
        ...(cors.allowOrigin === '*' ? {} : { vary: 'origin' }),
        ...(cors.allowCredentials ? { 'access-control-allow-credentials': 'true' } : {}),
      };

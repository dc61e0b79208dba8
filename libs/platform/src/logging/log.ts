import { join } from 'node:path';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config.schema.js';
import { redactSecrets } from './redact.js';
import { requestContext } from './request-context.js';

/** The structured log. One line per state change, with the ids it is about: `log.info({ kernelId }, 'kernel ended')`. */
export type Log = Logger;
export const LOG = Symbol('Log');

/** Where lines go by the settings: stderr for `-`, else a file that is appended to. */
const sink = ({ data, log }: Pick<Config, 'data' | 'log'>): DestinationStream =>
  log.file === '-'
    ? destination({ dest: 2, sync: true })
    : destination({ dest: log.file || join(data, 'logs', 'beamgate.log'), mkdir: true, sync: true, mode: 0o600 });

/**
 * JSON lines with `time` as ISO 8601, and with the request id and user where a request is being served. Secrets are cut
 * out of the finished line, so that no caller can forget to.
 */
export const createLog = (config: Pick<Config, 'data' | 'log'>, stream: DestinationStream = sink(config)): Log =>
  pino(
    {
      level: config.log.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      mixin: () => requestContext.getStore() ?? {},
      hooks: { streamWrite: redactSecrets },
    },
    stream,
  );

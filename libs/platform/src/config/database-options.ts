import type { Config } from '../config.schema.js';

/** PostgreSQL, as `libs/store` takes it. */
export const databaseOptions = ({ store: { url, connections, timeoutSeconds } }: Pick<Config, 'store'>) => ({
  url,
  connections,
  timeoutMs: timeoutSeconds * 1000,
});

import { AesSeal } from '../aes-seal.js';
import type { Config } from '../config.schema.js';

/** PostgreSQL, as `libs/store` takes it. */
export const databaseOptions = ({
  store: { url, connections, timeoutSeconds },
  sealingKeyFile,
}: Pick<Config, 'store' | 'sealingKeyFile'>) => ({
  url,
  connections,
  timeoutMs: timeoutSeconds * 1000,
  ...(sealingKeyFile === '' ? {} : { seal: AesSeal.fromFile(sealingKeyFile) }),
});

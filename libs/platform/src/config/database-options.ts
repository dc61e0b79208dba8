import { AesSeal } from '../aes-seal.js';
import type { Config } from '../config.schema.js';
import { givenTls } from './tls-files.js';

/** PostgreSQL, as `libs/store` takes it. */
export const databaseOptions = ({
  store: { url, tls, connections, timeoutSeconds },
  sealingKeyFile,
}: Pick<Config, 'store' | 'sealingKeyFile'>) => ({
  url,
  connections,
  timeoutMs: timeoutSeconds * 1000,
  ...givenTls(tls),
  ...(sealingKeyFile === '' ? {} : { seal: AesSeal.fromFile(sealingKeyFile) }),
});

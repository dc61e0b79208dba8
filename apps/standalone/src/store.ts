import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '#libs/domain';
import type { Config } from '#libs/platform';
import { openPostgresReaders, openPostgresStore, openReaders, openStore, type Readers, type Store } from '#libs/store';

const file = (config: Config): string => join(config.data, 'beamgate.sqlite');
const database = ({ store: { url, connections, timeoutSeconds } }: Config) => ({
  url,
  connections,
  timeoutMs: timeoutSeconds * 1000,
});

/**
 * The store of the configuration, as its writer. `onDeposed`: another service took the lead in PostgreSQL.
 */
export const storeOf = (config: Config, clock: Clock, onDeposed: (error: Error) => void): Promise<Store> =>
  config.store.url === ''
    ? openStore(file(config))
    : openPostgresStore({
        ...database(config),
        holder: `${hostname()}:${config.data}`,
        leaseMs: config.store.leaseSeconds * 1000,
        clock,
        onDeposed,
      });

/** The same, to read; the writer must have opened it before. */
export const readersOf = async (config: Config): Promise<Readers> =>
  config.store.url === '' ? openReaders(file(config)) : openPostgresReaders(database(config));

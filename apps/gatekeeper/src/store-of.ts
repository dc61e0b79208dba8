import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Config, databaseOptions } from '#libs/platform';
import { openPostgresStore, openStore, type Store } from '#libs/store';
import { systemClock } from './system-clock.js';

/**
 * The store of the configuration, as its writer; of several gatekeepers on PostgreSQL all but one wait here.
 * `onDeposed`: another took the lead.
 */
export const storeOf = (config: Config, onDeposed: (error: Error) => void): Promise<Store> =>
  config.store.url === ''
    ? openStore(join(config.data, 'beamgate.sqlite'), { inputLogRows: config.store.inputLogSteps })
    : openPostgresStore({
        ...databaseOptions(config),
        holder: `${hostname()}:${config.data}`,
        leaseMs: config.store.leaseSeconds * 1000,
        inputLogRows: config.store.inputLogSteps,
        clock: systemClock,
        onDeposed,
      });

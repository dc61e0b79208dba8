import { join } from 'node:path';
import { type Config, databaseOptions } from '#libs/platform';
import { openPostgresReaders, openReaders, type Readers } from '#libs/store';

/** The store of the configuration, to read; its writer must have opened it before. */
export const readersOf = async (config: Config): Promise<Readers> =>
  config.store.url === ''
    ? openReaders(join(config.data, 'beamgate.sqlite'))
    : openPostgresReaders(databaseOptions(config));

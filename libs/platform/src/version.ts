import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFile = (folder: string): string => {
  const file = join(folder, 'package.json');
  return existsSync(file) ? file : packageFile(dirname(folder));
};

/** Version of Beamgate, from its package.json; found upwards, as sources and build lie at different depths. */
export const VERSION: string = (
  JSON.parse(readFileSync(packageFile(dirname(fileURLToPath(import.meta.url))), 'utf8')) as { version: string }
).version;

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AesSeal } from '#libs/platform';
import { temporaryFolder } from './gateway.js';

/** A file with a fresh key. */
export function sealingKeyFile(): string {
  const file = join(temporaryFolder('seal'), 'key');
  writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 });
  return file;
}

export const testSeal = (): AesSeal => AesSeal.fromFile(sealingKeyFile());

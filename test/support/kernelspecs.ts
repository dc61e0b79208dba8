import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway.js';

/** A folder for JUPYTER_PATH with a kernelspec for each command. */
export function kernelspecs(commands: Readonly<Record<string, readonly string[]>>): string {
  const folder = temporaryFolder('specs');
  for (const [name, argv] of Object.entries(commands)) {
    const spec = join(folder, 'kernels', name);
    mkdirSync(spec, { recursive: true });
    writeFileSync(join(spec, 'kernel.json'), JSON.stringify({ argv, display_name: name, language: 'python' }));
  }
  return folder;
}

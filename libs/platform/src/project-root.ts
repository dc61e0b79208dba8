import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds `agent/` and `environments/`, wherever under it this file was built to. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'agent', 'pyproject.toml'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no project around ${import.meta.url}`);
    folder = parent;
  }
  return folder;
}

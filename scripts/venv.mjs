/** Virtual environments made from a pinned list, for what is not an environment of ours: JupyterLab, tests, the peer. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './build.mjs';
import { cacheRoot } from './environment.mjs';
import { findPython } from './python.mjs';

/**
 * Makes the virtual environment of a lock file in the cache, or finds it made. One that was left half made is made anew.
 *
 * @param {string} name of the folder, beside the hash of the lock file and the Python version
 * @param {string} lock path of a requirements file with exact versions
 * @param {{log: (line: string) => void, pythons?: string[]}} options `pythons`: commands to try first
 * @returns {Promise<string>} its folder
 */
export async function makeVenv(name, lock, { log, pythons = [] }) {
  const python = pythonOf(pythons);
  const hash = createHash('sha256').update(readFileSync(lock)).digest('hex').slice(0, 12);
  const directory = join(cacheRoot(), 'venvs', `${name}-${hash}-py${python.minor}-${process.arch}`);
  const ready = join(directory, '.ready');
  if (existsSync(ready) && existsSync(join(directory, 'bin', 'python'))) return directory;
  const since = Date.now();
  log(`${name}: making a virtual environment with Python ${python.version} (a minute or so) …`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, '..'), { recursive: true });
  await run(python.path, ['-m', 'venv', directory]);
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '--prefer-binary', '--quiet'];
  await run(join(directory, 'bin', 'python'), [...pip, '-r', lock]);
  writeFileSync(ready, `${python.version}\n`);
  log(`${name}: ready (${Math.round((Date.now() - since) / 1000)} s).`);
  return directory;
}

function pythonOf(preferred) {
  try {
    return findPython(preferred.length > 0 ? preferred : undefined);
  } catch (error) {
    if (preferred.length === 0) throw error;
    return findPython();
  }
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cleanEnvironment } from './gateway.js';

/** Runs Python text in a virtual environment and gives what it printed. Rejects, with its errors, when it fails. */
export async function python(venv: string, code: string, env: Record<string, string> = {}): Promise<string> {
  const options = { env: { ...cleanEnvironment(), ...env }, timeout: 60_000 };
  const { stdout } = await promisify(execFile)(join(venv, 'bin/python'), ['-c', code], options);
  return stdout;
}

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join, parse, sep } from 'node:path';

/**
 * What a kernelspec's folder offers to clients: kernel.js, kernel.css, and logos by their name without ending.
 *
 * @param url  prefix of the values, `<base url>kernelspecs/<name>/`
 * @see jupyter_server `services/kernelspecs/handlers.kernelspec_model`
 */
export function listResources(directory: string, url: string): Record<string, string> {
  const names = readdirSync(directory).sort();
  const scripts = names.filter((name) => name === 'kernel.js' || name === 'kernel.css');
  const logos = names.filter((name) => name.startsWith('logo-'));
  return Object.fromEntries([
    ...scripts.map((name) => [name, url + name] as const),
    ...logos.map((name) => [parse(name).name, url + encodeURIComponent(name)] as const),
  ]);
}

/** The file at `path` (decoded, relative) inside `directory`; undefined where it is none or lies outside. */
export function resourceFile(directory: string, path: string): string | undefined {
  const odd = /[\\%\0]/.test(path) || path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (odd) return undefined;
  try {
    const file = realpathSync(join(directory, path));
    return file.startsWith(realpathSync(directory) + sep) && statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

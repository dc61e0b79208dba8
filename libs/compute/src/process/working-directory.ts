import { constants, mkdirSync } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize, relative, resolve } from 'node:path';
import type { WorkingDirectoryRule } from './process-host-options.js';

/** A name that can stand as one folder of a path, whatever the owner is called. */
const folderName = (owner: string): string =>
  encodeURIComponent(owner).replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length));

const isWithin = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
};

/**
 * The folder a kernel starts in: what was asked for, where a rule leads there, else the default folder, which is made.
 *
 * @param asked  as the client sent it, or null
 * @param note   told why it is not the folder that was asked for
 * @throws Error when the default folder can't be made
 */
export async function workingDirectory(
  asked: string | null,
  owner: string,
  rules: readonly WorkingDirectoryRule[],
  defaultFolder: string,
  note: (sentence: string) => void,
): Promise<string> {
  const user = folderName(owner);
  if (asked !== null && asked !== '') {
    const mine = rules.map(({ from, to }) => ({ from: fill(from, user), to: fill(to, user) }));
    const folder = await mapped(asked, mine).catch((error: Error) => {
      note(`${asked} can't be the working folder: ${error.message}`);
      return undefined;
    });
    if (folder !== undefined) return folder;
  }
  const folder = fill(defaultFolder, user);
  // Synchronous: nearly always it is there, and a start would wait a millisecond for the thread pool to say so.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

const fill = (template: string, user: string): string => template.replaceAll('{user}', user);

/** @throws Error that says why there is no such folder for this caller */
async function mapped(asked: string, rules: readonly WorkingDirectoryRule[]): Promise<string> {
  if (!isAbsolute(asked) || asked.includes('\0')) throw new Error('it is not an absolute path');
  const path = normalize(asked);
  const rule = rules
    .filter(({ from }) => isWithin(resolve(from), path))
    .sort((one, other) => resolve(other.from).length - resolve(one.from).length)[0];
  if (rule === undefined) throw new Error('no rule maps it to a folder here');
  const folder = await realpath(join(rule.to, relative(resolve(rule.from), path)));
  if (!isWithin(await realpath(rule.to), folder)) throw new Error(`it leads out of ${rule.to}`);
  if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder');
  await access(folder, constants.X_OK);
  return folder;
}

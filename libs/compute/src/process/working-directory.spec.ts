import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkingDirectoryRule } from './process-host-options.js';
import { workingDirectory } from './working-directory.js';

let root: string;
let notes: string[];
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'working-directory-')));
  notes = [];
  for (const folder of ['data/ada/scans', 'data/bob', 'shared', 'closed'])
    mkdirSync(join(root, folder), { recursive: true });
});
afterEach(() => {
  chmodSync(join(root, 'closed'), 0o700);
  rmSync(root, { recursive: true });
});

const at = (path: string): string => join(root, path);

function start(asked: string | null, rules: WorkingDirectoryRule[], owner = 'ada'): Promise<string> {
  return workingDirectory(asked, owner, rules, at('work/{user}'), (sentence) => notes.push(sentence));
}

const home = (): WorkingDirectoryRule => ({ from: '/home/{user}', to: at('data/{user}') });

it('takes the folder as it is where nothing is mapped', async () => {
  await expect(start(at('shared'), [{ from: '/', to: '/' }])).resolves.toBe(at('shared'));
  expect(notes).toEqual([]);
});

it('replaces the longest prefix that fits at a folder boundary', async () => {
  const rules = [{ from: '/', to: at('shared') }, home(), { from: '/home/ad', to: '/' }];
  await expect(start('/home/ada/scans/', rules)).resolves.toBe(at('data/ada/scans'));
  await expect(start('/home/ada', rules)).resolves.toBe(at('data/ada'));
});

it('makes and takes the default folder where none is asked for', async () => {
  await expect(start(null, [home()])).resolves.toBe(at('work/ada'));
  expect(notes).toEqual([]);
});

it.each([
  ['leaves the mapped folder by dots', '/home/ada/../bob', /no rule/],
  ['leaves the mapped folder by a link', '/home/ada/link', /leads out/],
  ['is not there', '/home/ada/none', /ENOENT/],
  ['is a file', '/home/ada/file', /not a folder/],
  ['no rule maps', '/etc', /no rule/],
  ['is relative', 'scans', /absolute/],
])('takes the default folder and says why, where the one asked for %s', async (_what, asked, why) => {
  symlinkSync(at('data/bob'), at('data/ada/link'));
  writeFileSync(at('data/ada/file'), '');
  await expect(start(asked, [home()])).resolves.toBe(at('work/ada'));
  expect(notes).toEqual([expect.stringMatching(why)]);
});

it('lets no name of an owner lead elsewhere', async () => {
  await expect(start(null, [], '..')).resolves.toBe(at('work/%2E%2E'));
  await expect(start(null, [], '../bob')).resolves.toBe(at('work/..%2Fbob'));
  await expect(start('/home/../bob', [home()], '../bob')).resolves.toBe(at('work/..%2Fbob'));
});

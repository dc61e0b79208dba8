import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessCommand } from '#libs/contracts';
import { kernelEnvironment, missingCommand, type ProcessLaunch } from './kernel-environment.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernel-environment-'));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/python'), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const launch = (command: ProcessCommand, env: Record<string, string> = {}): ProcessLaunch => ({ command, env });
const python = (): ProcessCommand => ({ kind: 'python', python: join(folder, 'bin/python') });
const program = (name: string): ProcessCommand => ({
  kind: 'generic',
  argv: [name],
  interruptMode: 'signal',
  resourceDir: '',
});
const inherited = { PATH: '/usr/bin', LANG: 'C' };

it('puts the kernel’s variables over inherited ones, and its identity over both', () => {
  const env = kernelEnvironment(inherited, launch(program('R'), { LANG: 'de', KERNEL_USERNAME: 'eve' }), 'id', 'ada');
  expect(env).toEqual({ PATH: '/usr/bin', LANG: 'de', KERNEL_ID: 'id', KERNEL_USERNAME: 'ada' });
});

it('puts a virtual environment first on the PATH, and no other Python', () => {
  expect(kernelEnvironment(inherited, launch(python()), 'id', 'ada')['PATH']).toBe('/usr/bin');
  writeFileSync(join(folder, 'pyvenv.cfg'), '');
  const env = kernelEnvironment(inherited, launch(python(), { PATH: '/opt/bin' }), 'id', 'ada');
  expect(env).toMatchObject({ VIRTUAL_ENV: folder, PATH: `${folder}/bin:/opt/bin` });
});

it('misses a command that is neither at its path nor on the PATH of the kernel', () => {
  const onPath = { PATH: `/none:${join(folder, 'bin')}` };
  expect(missingCommand(launch(python()), {})).toBeUndefined();
  expect(missingCommand(launch(program('python')), onPath)).toBeUndefined();
  expect(missingCommand(launch(program('python')), { PATH: '/none' })).toMatch(/python, is not on the PATH/);
  expect(missingCommand(launch(program('/none/R')), onPath)).toMatch(/\/none\/R, does not exist/);
});

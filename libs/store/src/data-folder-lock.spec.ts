import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { typescriptExecArgv } from '#libs/testing';
import { DataFolderInUse, lockDataFolder } from './data-folder-lock.js';

const HOLD = `
  const { lockDataFolder } = await import(${JSON.stringify(new URL('./data-folder-lock.ts', import.meta.url).href)});
  lockDataFolder(process.argv[1]);
  gc();
  console.log('held');
  setInterval(() => {}, 1e6);
`;

describe('the lock of the data folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'beamgate-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes the folder, and refuses a second holder with a sentence that names it', () => {
    const data = join(folder, 'new', 'data');
    const lock = lockDataFolder(data);
    expect(() => lockDataFolder(data)).toThrow(DataFolderInUse);
    expect(() => lockDataFolder(data)).toThrow(`(process ${process.pid}) already uses the data folder ${data}`);
    lock.release();
    lockDataFolder(data).release();
  });

  it('is respected across processes, and ends with a killed one', async () => {
    const args = [...typescriptExecArgv(), '--expose-gc', '--input-type=module', '-e', HOLD, folder];
    const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      expect(() => lockDataFolder(folder)).toThrow(`process ${holder.pid}`);
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
    lockDataFolder(folder).release();
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aKernel, storeConformance } from '#libs/testing';
import { openReaders } from './open-readers.js';
import { openStore } from './open-store.js';

storeConformance('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'beamgate-store-'));
  const path = join(folder, 'beamgate.db');
  return {
    openStore: (options) => openStore(path, options),
    openReaders: async () => openReaders(path),
    remove: async () => rmSync(folder, { recursive: true }),
  };
});

describe('the SQLite file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'beamgate-store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is written ahead and flushed with each commit', async () => {
    const path = join(folder, 'beamgate.db');
    const store = await openStore(path);
    const database = new DatabaseSync(path, { readOnly: true });
    expect(database.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' });
    database.close();
    await store.close();
  });

  it('refuses writes on the connection of a gateway', async () => {
    const path = join(folder, 'beamgate.db');
    const store = await openStore(path);
    const readers = openReaders(path);
    const writing = (readers.kernels as unknown as { save(kernels: unknown[]): Promise<void> }).save([aKernel()]);
    await expect(writing).rejects.toThrow(/readonly/);
    await readers.close();
    await store.close();
  });

  it('reads a hundred thousand ended kernels past when it lists the living', async () => {
    const path = join(folder, 'beamgate.db');
    const store = await openStore(path);
    const database = new DatabaseSync(path, { readOnly: true });
    const plan = database
      .prepare(
        'explain query plan select * from kernels where (ended_at is null or ended_at >= 5) order by submitted_at, id',
      )
      .all();
    database.close();
    expect(JSON.stringify(plan)).not.toContain('SCAN');
    await store.close();
  });
});

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Another service holds the folder; `message` is a sentence for who started the second one. */
export class DataFolderInUse extends Error {
  constructor(folder: string, holder: string) {
    super(`Another Beamgate service${holder} already uses the data folder ${folder}. Stop it, or give another folder.`);
    this.name = 'DataFolderInUse';
  }
}

/** Held here too: a connection that nothing refers to is collected and closed, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Takes the folder for this service alone, making it where it is missing. The lock is SQLite's own, held by the
 * operating system: it ends with the process however that ends, so a killed service leaves none behind.
 *
 * @returns what gives the folder back
 * @throws DataFolderInUse
 */
export function lockDataFolder(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pidFile = join(folder, 'service.pid');
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  try {
    database.exec('pragma journal_mode = delete; begin exclusive');
  } catch (error) {
    database.close();
    if (!/locked|busy/i.test(String(error))) throw error;
    throw new DataFolderInUse(folder, holderIn(pidFile));
  }
  held.add(database);
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    release: () => {
      if (!held.delete(database)) return;
      rmSync(pidFile, { force: true });
      database.close();
    },
  };
}

function holderIn(pidFile: string): string {
  try {
    return ` (process ${readFileSync(pidFile, 'utf8').trim()})`;
  } catch {
    return '';
  }
}

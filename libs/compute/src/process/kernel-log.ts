import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const LARGEST_BYTES = 4 * 1024 * 1024;
const KEPT_BYTES = 512 * 1024;
const KEPT_DAYS = 7;
const TOLD_LINES = 10;

/** The end of a file as text; empty where there is none. */
async function tail(file: string, bytes: number): Promise<string> {
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    const length = Math.min(size, bytes);
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString();
  } catch {
    return '';
  }
}

/** The last lines of a kernel's log, for people. */
export async function lastLines(file: string): Promise<string> {
  const lines = (await tail(file, 4096)).trimEnd().split('\n');
  return lines.slice(-TOLD_LINES).join('\n');
}

export async function removeEmptyLog(file: string): Promise<void> {
  const size = await stat(file).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size === 0) await rm(file, { force: true });
}

/** Keeps the end of a log that grew too large. Its writers append, so they go on behind it. */
export async function boundLog(file: string): Promise<void> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size <= LARGEST_BYTES) return;
  const kept = await tail(file, KEPT_BYTES);
  await using handle = await open(file, 'a');
  await handle.truncate(0);
  await handle.writeFile(`[the beginning was cut off]\n${kept}`);
}

/** Removes logs that nobody wrote to for a week. */
export async function removeOldLogs(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > KEPT_DAYS * 86_400_000) await rm(join(folder, name), { force: true });
  }
}

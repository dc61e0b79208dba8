import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A number that grows with each start of a launcher on this data folder; it fences control streams of earlier ones.
 *
 * @param least  for agents that outlive the folder: where it is new, the number still must be above what they have seen
 */
export async function nextTerm(file: string, least = 1): Promise<number> {
  const last = Number(await readFile(file, 'utf8').catch(() => '0'));
  const term = Math.max(least, Number.isSafeInteger(last) ? last + 1 : Date.now());
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Another launcher may be on its way out while this one comes.
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, `${term}\n`);
  await rename(fresh, file);
  return term;
}

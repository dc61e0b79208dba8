import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A number that grows with each start of a launcher on this data folder; it fences control streams of earlier ones. */
export async function nextTerm(file: string): Promise<number> {
  const last = Number(await readFile(file, 'utf8').catch(() => '0'));
  const term = Number.isSafeInteger(last) ? last + 1 : Date.now();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, `${term}\n`);
  await rename(`${file}.new`, file);
  return term;
}

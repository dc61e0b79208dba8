import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The text of a file, unpacked where its name ends in `.gz`. @throws Error that names the file */
export function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`);
  }
  if (!file.endsWith('.gz')) return bytes.toString();
  try {
    return gunzipSync(bytes).toString();
  } catch (error) {
    throw new Error(`${file}: can't be unpacked: ${(error as Error).message}`);
  }
}

/** What `read` makes of the file. @throws Error that names the file; `read` is to name the line */
export function readAs<T>(file: string, read: (text: string) => T): T {
  const text = readText(file);
  try {
    return read(text);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

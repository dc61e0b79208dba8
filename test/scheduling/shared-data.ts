import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Traces and golden values, which are no part of the repository: beside it, or where BEAMGATE_SHARED_DATA points. */
const sharedData = process.env['BEAMGATE_SHARED_DATA'] ?? join(process.cwd(), '..', 'shared', 'data');

export const sharedPath = (file: string): string => join(sharedData, file);

export const isShared = (file: string): boolean => existsSync(sharedPath(file));

/** The text of a file there, unpacked where its name ends in `.gz`. */
export function sharedText(file: string): string {
  const bytes = readFileSync(sharedPath(file));
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

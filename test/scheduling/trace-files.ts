import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readSwf, type Trace } from '#libs/scheduling';

/** Traces and golden values lie beside the repository, or where BEAMGATE_SHARED_DATA says; see their README. */
const folder = process.env['BEAMGATE_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data');

export const GOLDEN_POLICIES = ['fcfs', 'easy', 'easy-sjbf'] as const;

export interface GoldenReplay {
  readonly averageBoundedSlowdown: number;
  readonly meanWaitMs: number;
  readonly maxWaitMs: number;
  readonly makespanMs: number;
  readonly utilisation: number;
  readonly sumStartMs: number;
  readonly startsSha256: string;
}

export interface GoldenCase {
  readonly trace: string;
  readonly processors: number;
  readonly arrivalFactor: number;
  readonly jobs: number;
  readonly dropped: number;
  readonly policies: Record<(typeof GOLDEN_POLICIES)[number], GoldenReplay>;
}

const goldenFile = join(folder, 'golden', 'backfill.json');
/** Undefined where the data is not at hand. */
export const goldenCases: readonly GoldenCase[] | undefined = existsSync(goldenFile)
  ? JSON.parse(readFileSync(goldenFile, 'utf8'))
  : undefined;

export function readTrace({ trace, processors, arrivalFactor }: Omit<GoldenCase, 'policies'>): Trace {
  const text = gunzipSync(readFileSync(join(folder, 'swf', trace))).toString('latin1');
  return readSwf(text, { processors, arrivalFactor });
}

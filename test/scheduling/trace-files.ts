import { readSwf, type Trace } from '#libs/scheduling';
import { isShared, sharedText } from './shared-data.js';

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

const GOLDEN = 'golden/backfill.json';
/** None where the data is not at hand. */
export const goldenCases: readonly GoldenCase[] = isShared(GOLDEN) ? JSON.parse(sharedText(GOLDEN)) : [];

export const readTrace = ({ trace, processors, arrivalFactor }: GoldenCase): Trace =>
  readSwf(sharedText(`swf/${trace}`), { processors, arrivalFactor });

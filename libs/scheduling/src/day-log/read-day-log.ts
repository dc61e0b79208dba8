import type { z } from 'zod';
import { LogHeader, LogStep } from './log-line.js';

/** A log as it was exported. The first step has an origin. */
export interface DayLog {
  /** What is asked about, ms; steps before lead to it. */
  readonly from: number;
  readonly to: number;
  readonly steps: readonly LogStep[];
}

/** @throws Error that names the line and the field */
export function readDayLog(text: string): DayLog {
  const lines = text.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [{ line, number: at + 1 }]));
  const [head, ...rest] = lines;
  if (!head) throw new Error('is empty');
  const header = parsed(LogHeader, head);
  const steps = rest.map((one) => parsed(LogStep, one));
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last) throw new Error('holds no step: nothing happened in its time');
  if (!first.origin) throw new Error(`line ${rest[0]?.number}: origin: the first step needs one`);
  for (const [at, { seq }] of steps.entries())
    if (at > 0 && seq <= (steps[at - 1]?.seq ?? 0))
      throw new Error(`line ${rest[at]?.number}: seq: ${seq} comes after ${steps[at - 1]?.seq}`);
  const from = Math.max(first.at, header.from ?? first.at);
  // What happens in quiet hours at the end is told, too: nothing.
  return { from, to: Math.max(from, last.at, header.to ?? 0), steps };
}

function parsed<S extends z.ZodType>(schema: S, { line, number }: { line: string; number: number }): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`line ${number} is no JSON`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`line ${number}: ${issue?.path.join('.') || 'line'}: ${issue?.message}`);
}

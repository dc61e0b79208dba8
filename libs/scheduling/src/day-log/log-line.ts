import { z } from 'zod';
import { SchedulingConfig } from '#libs/contracts';
import type { FullSnapshot } from '../core/snapshot.js';
import { LoggedEvent } from './core-event.js';

/** The first line of a log: what was asked for. Steps from before `from` lead to the state of then. */
export const LogHeader = z.object({
  kind: z.literal('log'),
  format: z.literal(1, 'this program reads format 1'),
  from: z.int().nullable().describe('ms; null: all that there is'),
  to: z.int().nullable().describe('ms, not after the export; null: the last step'),
});
export type LogHeader = z.infer<typeof LogHeader>;

/** What the core knew before a step, and the configuration that made it so. */
export const LogOrigin = z.object({
  version: z.int().min(0),
  config: SchedulingConfig.nullable().describe('null: an admin has configured nothing'),
  state: z.custom<FullSnapshot>((value) => typeof value === 'object' && value !== null && 'running' in value, {
    message: 'is no state of the core',
  }),
});
export type LogOrigin = z.infer<typeof LogOrigin>;

/** Each other line: one step of the core. */
export const LogStep = z.object({
  kind: z.literal('step'),
  seq: z.int(),
  epoch: z.int().describe('of the gatekeeper that made it'),
  at: z.int().describe('its time, ms'),
  origin: LogOrigin.nullable(),
  events: z.array(LoggedEvent),
});
export type LogStep = z.infer<typeof LogStep>;

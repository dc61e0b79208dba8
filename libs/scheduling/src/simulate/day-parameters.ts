import type { DayRequest } from './day-event.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const GIB = 2 ** 30;

/** Half of the draws are below `median`; `sigma` is of the logarithm; larger ones count as `most`. */
export interface Lognormal {
  readonly median: number;
  readonly sigma: number;
  readonly most: number;
}

export interface JobParameters {
  readonly runMs: Lognormal;
  readonly wallLimitMs: number;
  readonly request: DayRequest;
}

/** What a generated day is made of; to be stated beside every figure that comes of it. */
export interface InteractiveDay {
  /** Of the flavor that the day is meant for; the day itself does not depend on it. */
  readonly gpus: number;
  readonly users: number;
  /** 0 is Monday. */
  readonly weekday: number;
  /** Sessions that are begun in each hour from midnight on, Monday to Friday. */
  readonly sessionsPerHour: readonly number[];
  /** Saturdays and Sundays: so much of it. */
  readonly weekendShare: number;
  /** What sessions ask for. */
  readonly sessionRequests: readonly (DayRequest & { readonly weight: number })[];
  /** Cells of a session, 1 at least. */
  readonly cells: Lognormal;
  /** How long a cell runs. */
  readonly busyMs: Lognormal;
  /** Pauses before cells: Lomax. */
  readonly thinkMs: { readonly scale: number; readonly shape: number; readonly most: number };
  /** Of the sessions: their kernels are shut down at the end. */
  readonly shutDownShare: number;
  /** One reduction each, day and night. */
  readonly beamline: JobParameters & { readonly everyMs: number };
  /** So many jobs from `atMs` on, submitted evenly over `overMs`. */
  readonly reprocessing: JobParameters & { readonly jobs: number; readonly atMs: number; readonly overMs: number };
}

/** A Tuesday. The numbers are ours: no public trace of interactive notebook use is at hand. */
export const INTERACTIVE_DAY: InteractiveDay = {
  gpus: 40,
  users: 200,
  weekday: 1,
  // 351 in all.
  sessionsPerHour: [1, 1, 0.5, 0.5, 0.5, 1, 3, 10, 28, 36, 36, 28, 18, 30, 34, 34, 28, 20, 12, 10, 8, 6, 3, 2.5],
  weekendShare: 0.25,
  sessionRequests: [
    { weight: 0.3, gpuMilli: 250, cpuMilli: 2_000, memoryBytes: 16 * GIB },
    { weight: 0.4, gpuMilli: 500, cpuMilli: 4_000, memoryBytes: 32 * GIB },
    { weight: 0.25, gpuMilli: 1_000, cpuMilli: 8_000, memoryBytes: 64 * GIB },
    { weight: 0.05, gpuMilli: 2_000, cpuMilli: 16_000, memoryBytes: 128 * GIB },
  ],
  cells: { median: 18, sigma: 0.9, most: 300 },
  busyMs: { median: 4 * SECOND, sigma: 1.8, most: 2 * HOUR },
  // Two minutes on average; one pause in 170 is longer than half an hour.
  thinkMs: { scale: 60 * SECOND, shape: 1.5, most: 6 * HOUR },
  shutDownShare: 0.35,
  beamline: {
    everyMs: 2 * MINUTE,
    runMs: { median: 75 * SECOND, sigma: 0.3, most: 5 * MINUTE },
    wallLimitMs: 5 * MINUTE,
    request: { gpuMilli: 1_000, cpuMilli: 8_000, memoryBytes: 64 * GIB },
  },
  // About 240 GPU hours.
  reprocessing: {
    jobs: 50_000,
    atMs: 21 * HOUR,
    overMs: 10 * MINUTE,
    runMs: { median: 60 * SECOND, sigma: 0.5, most: 10 * MINUTE },
    wallLimitMs: 10 * MINUTE,
    request: { gpuMilli: 250, cpuMilli: 2_000, memoryBytes: 8 * GIB },
  },
};

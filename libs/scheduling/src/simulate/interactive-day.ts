import type { DayCell, DayEvent } from './day-event.js';
import { INTERACTIVE_DAY, type InteractiveDay, type JobParameters, type Lognormal } from './day-parameters.js';
import { exponential, heavyTailed, lognormal, weighted } from './draws.js';
import type { Random } from './random.js';

const HOUR = 3_600_000;

/** One day's log, by time; the same random numbers give the same day. */
export function interactiveDay(random: Random, day: InteractiveDay = INTERACTIVE_DAY): DayEvent[] {
  const events = [...sessions(random, day), ...beamlineJobs(random, day), ...reprocessingJobs(random, day)];
  return events.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

function* sessions(random: Random, day: InteractiveDay): Generator<DayEvent> {
  const share = day.weekday >= 5 ? day.weekendShare : 1;
  let count = 0;
  for (const [hour, perHour] of day.sessionsPerHour.entries()) {
    // Poisson within the hour: the gap that leads beyond it is drawn anew at the next hour's rate.
    if (perHour * share === 0) continue;
    const gap = (): number => exponential(random, HOUR / (perHour * share));
    for (let into = gap(); into < HOUR; into += gap()) {
      count += 1;
      const { weight: _, ...request } = weighted(random, day.sessionRequests);
      yield {
        kind: 'session',
        at: Math.floor(hour * HOUR + into),
        id: `session-${numbered(count)}`,
        user: `user-${numbered(1 + Math.floor(random.next() * day.users))}`,
        request,
        cells: cells(random, day),
        shutsDown: random.next() < day.shutDownShare,
      };
    }
  }
}

function cells(random: Random, { cells: counts, thinkMs, busyMs }: InteractiveDay): DayCell[] {
  const count = drawn(random, counts);
  return Array.from({ length: count }, () => ({
    thinkMs: Math.round(heavyTailed(random, thinkMs.scale, thinkMs.shape, thinkMs.most)),
    busyMs: drawn(random, busyMs),
  }));
}

function* beamlineJobs(random: Random, { beamline }: InteractiveDay): Generator<DayEvent> {
  const count = Math.floor((24 * HOUR) / beamline.everyMs);
  for (let index = 0; index < count; index += 1) {
    yield { kind: 'beamline', at: index * beamline.everyMs, ...job(random, 'beamline', index, beamline) };
  }
}

function* reprocessingJobs(random: Random, { reprocessing }: InteractiveDay): Generator<DayEvent> {
  const { jobs, atMs, overMs } = reprocessing;
  for (let index = 0; index < jobs; index += 1) {
    const at = atMs + Math.floor((index * overMs) / jobs);
    yield { kind: 'reprocessing', at, ...job(random, 'reprocessing', index, reprocessing) };
  }
}

const job = (random: Random, user: string, index: number, { runMs, wallLimitMs, request }: JobParameters) => ({
  id: `${user}-${numbered(index + 1)}`,
  user,
  request,
  runMs: drawn(random, runMs),
  wallLimitMs,
});

/** An integer, 1 at least. */
const drawn = (random: Random, { median, sigma, most }: Lognormal): number =>
  Math.min(most, Math.max(1, Math.round(lognormal(random, median, sigma))));

const numbered = (count: number): string => String(count).padStart(5, '0');

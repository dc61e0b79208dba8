import type { Tick } from './svg.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1_000, 5_000, 10_000, 30_000, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY],
];
const MOST = 8;

/** Round times along an axis; `clock`: instants, told as UTC, else so long after `from`. */
export function timeTicks(from: number, to: number, clock: boolean): Tick[] {
  const span = to - from;
  const step = STEPS.find((one) => span / one <= MOST) ?? Math.ceil(span / MOST / DAY) * DAY;
  const origin = clock ? 0 : from;
  const ticks: Tick[] = [];
  for (let time = Math.ceil((from - origin) / step) * step + origin; time <= to; time += step) {
    const label = clock ? clockText(time, step) : spanText(time - from, step);
    ticks.push({ at: span > 0 ? (time - from) / span : 0, label });
  }
  return ticks;
}

function clockText(time: number, step: number): string {
  const [date = '', rest = ''] = new Date(time).toISOString().split('T');
  if (time % DAY === 0) return date;
  return rest.slice(0, step < MINUTE ? 8 : 5);
}

function spanText(ms: number, step: number): string {
  if (step >= DAY) return `${ms / DAY} d`;
  if (step >= HOUR) return `${ms / HOUR} h`;
  return step >= MINUTE ? `${ms / MINUTE} min` : `${ms / 1_000} s`;
}

import type { WaitExplanation } from '#libs/contracts';

const UNITS = [
  { ms: 86_400_000, name: 'day' },
  { ms: 3_600_000, name: 'hour' },
  { ms: 60_000, name: 'minute' },
] as const;

/** A band as people say it: `in 2 to 6 minutes`; rounded outwards to whole units. `unknown` for null. */
export function bandText(band: WaitExplanation['expectedStart'], now: number): string {
  if (band === null) return 'unknown';
  const late = band.latest - now;
  const unit = UNITS.find(({ ms }) => late > 2 * ms) ?? UNITS[2];
  const from = Math.max(0, Math.floor((band.earliest - now) / unit.ms));
  const to = Math.max(1, Math.ceil(late / unit.ms));
  const units = `${unit.name}${to === 1 ? '' : 's'}`;
  if (from === to) return `in ${to} ${units}`;
  return from === 0 ? `within ${to} ${units}` : `in ${from} to ${to} ${units}`;
}

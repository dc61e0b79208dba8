import type { EndRule } from './idle-end.js';

/** A sentence on why a kernel is to end (`has`) or has ended (`had`), from how long it was found in its state. */
export function whyItEnds({ reason, state, limitSeconds }: EndRule, quietMs: number, verb: 'has' | 'had'): string {
  const long = duration(quietMs / 1000);
  if (reason === 'reclaimed') {
    return `Others ${verb === 'has' ? 'wait' : 'waited'} for its place, and it ${verb} been idle for ${long}.`;
  }
  const how = state === 'idle' ? 'idle' : 'busy without a pause';
  return `It ${verb} been ${how} for ${long}; the limit is ${duration(limitSeconds)}.`;
}

const UNITS = [
  { name: 'hour', seconds: 3600 },
  { name: 'minute', seconds: 60 },
  { name: 'second', seconds: 1 },
] as const;

/** The two largest units: `1 hour 5 minutes`. */
export function duration(seconds: number): string {
  let left = Math.max(0, Math.round(seconds));
  const parts = UNITS.flatMap((unit) => {
    const count = Math.floor(left / unit.seconds);
    left -= count * unit.seconds;
    return count > 0 ? [`${count} ${unit.name}${count === 1 ? '' : 's'}`] : [];
  });
  return parts.slice(0, 2).join(' ') || '0 seconds';
}

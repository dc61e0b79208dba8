import type { SchedulingChange } from '#libs/contracts';

const FORECAST = {
  starts: 'would start',
  waits: 'would wait',
  reclaims: 'would be reclaimed',
  evicts: 'would be evicted',
} as const;

/** What a change of the configuration changes, and what would become of it; a line each. */
export function changeText({ version, applied, changes, forecast }: SchedulingChange): string {
  const value = (one: unknown): string => (one === undefined ? '-' : JSON.stringify(one));
  const lines = changes.map(({ kind, path, before, after }) => {
    if (kind === 'added') return `+ ${path}: ${value(after)}`;
    return kind === 'removed' ? `- ${path}: ${value(before)}` : `~ ${path}: ${value(before)} -> ${value(after)}`;
  });
  for (const [key, title] of Object.entries(FORECAST)) {
    const entries = forecast[key as keyof typeof FORECAST];
    if (entries.length > 0) lines.push(`${entries.length} ${title}`);
    for (const { id, owner, queue, text: why } of entries.slice(0, 20)) lines.push(`  ${id} ${owner} ${queue}: ${why}`);
  }
  lines.push(applied ? `applied as version ${version}` : `nothing changed, version ${version}`);
  return `${lines.join('\n')}\n`;
}

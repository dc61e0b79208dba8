import { across, escaped, plot, type Tick, up } from './svg.js';
import { percentile } from './trace-metrics.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Waits span from none to days: equal steps would show one column. */
const EDGES = [
  { under: SECOND, label: '< 1 s' },
  { under: 10 * SECOND, label: '< 10 s' },
  { under: 30 * SECOND, label: '< 30 s' },
  { under: MINUTE, label: '< 1 min' },
  { under: 5 * MINUTE, label: '< 5 min' },
  { under: 15 * MINUTE, label: '< 15 min' },
  { under: HOUR, label: '< 1 h' },
  { under: 4 * HOUR, label: '< 4 h' },
  { under: 12 * HOUR, label: '< 12 h' },
  { under: DAY, label: '< 1 d' },
  { under: 4 * DAY, label: '< 4 d' },
  { under: Infinity, label: 'longer' },
];

/** How long those of one class waited, as a drawing with its percentiles. */
export function waitHistogram(name: string, waitsMs: readonly number[]): string {
  const sorted = waitsMs.toSorted((a, b) => a - b);
  let before = 0;
  const counts = EDGES.map(({ under }) => {
    const until = sorted.findIndex((wait) => wait >= under);
    const below = until < 0 ? sorted.length : until;
    const count = below - before;
    before = below;
    return count;
  });
  const most = Math.max(1, ...counts);
  const bars = counts.map((count, index) => {
    const [left, right] = [across((index + 0.1) / EDGES.length), across((index + 0.9) / EDGES.length)];
    const height = Number(up(0)) - Number(up(count / most));
    return (
      `<rect class="c0" x="${left}" width="${Number(right) - Number(left)}" y="${up(count / most)}" ` +
      `height="${height.toFixed(1)}"><title>${count}</title></rect>`
    );
  });
  const below: Tick[] = EDGES.map(({ label }, index) => ({ at: (index + 0.5) / EDGES.length, label }));
  const beside: Tick[] = [0, 0.5, 1].map((at) => ({ at, label: String(Math.round(at * most)) }));
  const told = `${sorted.length} started; half within ${span(percentile(sorted, 0.5))}, 95 % within ${span(
    percentile(sorted, 0.95),
  )}, all within ${span(sorted.at(-1) ?? 0)}`;
  return `<h3>${escaped(name)}</h3>\n<p>${told}</p>\n${plot(`Waits of ${name}: ${told}`, below, beside, bars.join(''))}`;
}

function span(ms: number): string {
  const unit = [
    { ms: DAY, name: 'd' },
    { ms: HOUR, name: 'h' },
    { ms: MINUTE, name: 'min' },
  ].find((one) => ms >= one.ms) ?? { ms: SECOND, name: 's' };
  return `${(ms / unit.ms).toFixed(1)} ${unit.name}`;
}

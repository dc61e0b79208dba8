import { columnMeans, type Level } from './level.js';
import { band, escaped, plot, type Tick } from './svg.js';
import { timeTicks } from './time-ticks.js';
import { waitHistogram } from './wait-histogram.js';

/** What a simulation came to, ready to be shown. */
export interface SimulationResult {
  readonly title: string;
  /** What was simulated: every parameter that the figures depend on. */
  readonly parameters: Readonly<Record<string, string | number>>;
  /** The figures to tell first, in this order. */
  readonly figures: Readonly<Record<string, string | number>>;
  readonly from: number;
  /** After `from`; milliseconds, as all times here. */
  readonly to: number;
  /** In the unit of the levels. */
  readonly capacity: number;
  /** Of what, for people: GPUs. */
  readonly of?: string;
  /** What is allocated, from each moment on. In order of time. */
  readonly allocated: readonly Level[];
  /** What is not, by cause (fragmented, quota, reserved, nobody asks …); drawn in this order, from below. */
  readonly unallocated: Readonly<Record<string, readonly Level[]>>;
  /** How many wait, by queue; absent: not told. */
  readonly waiting?: Readonly<Record<string, readonly Level[]>>;
  /** `from` and `to` are instants: told by the clock, UTC. */
  readonly clock?: boolean;
  /** Waits of those that started, ms, by priority class. */
  readonly waits: Readonly<Record<string, readonly number[]>>;
}

const COLUMNS = 600;
/** Colours that there are. */
const STYLES = 7;
const quarters = [0, 0.25, 0.5, 0.75, 1];

/** One HTML page that needs nothing else: no script, no font, no picture from elsewhere. */
export function simulationReport(result: SimulationResult): string {
  const { title, parameters, figures, waits } = result;
  const of = result.of === undefined ? '' : ` of ${escaped(result.of)}`;
  const histograms = Object.entries(waits).map(([name, own]) => waitHistogram(name, own));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<h1>${escaped(title)}</h1>
${table(figures)}
<h2>Allocated${of}, % of capacity</h2>
${utilisation(result)}
${result.clock ? '<p>Times are UTC.</p>\n' : ''}<h2>Not allocated${of}, by cause</h2>
${causes(result)}
${result.waiting === undefined ? '' : `<h2>Waiting, by queue</h2>\n${waiting(result, result.waiting)}`}
<h2>Waits by priority class</h2>
${histograms.join('\n') || '<p>Nobody started.</p>'}
<h2>Parameters</h2>
${table(parameters)}
</html>
`;
}

function utilisation(result: SimulationResult): string {
  const { allocated, capacity, from, to } = result;
  const shares = columnMeans(allocated, from, to, COLUMNS).map((amount) => amount / capacity);
  const none = shares.map(() => 0);
  return plot('Allocated, percent of capacity over time', times(result), percents(1).ticks, band(none, shares, 'c0'));
}

function causes(result: SimulationResult): string {
  const { unallocated, capacity } = result;
  return stacked('Not allocated, percent of capacity over time', result, unallocated, capacity, percents, 0.01);
}

function waiting(result: SimulationResult, byQueue: Readonly<Record<string, readonly Level[]>>): string {
  return stacked('How many wait over time', result, byQueue, 1, counts, 1);
}

/** Areas on top of each other; the scale ends at the highest sum, so that a small loss can be seen. What is never is left out. */
function stacked(
  name: string,
  result: SimulationResult,
  parts: Readonly<Record<string, readonly Level[]>>,
  unit: number,
  scale: (highest: number) => Scale,
  least: number,
): string {
  const { from, to } = result;
  let lower = new Array<number>(COLUMNS).fill(0);
  const layers = Object.entries(parts).flatMap(([part, levels], index) => {
    const shares = columnMeans(levels, from, to, COLUMNS).map((amount) => amount / unit);
    if (levels.length > 0 && shares.every((share) => share === 0)) return [];
    const bottom = lower;
    lower = lower.map((share, column) => share + (shares[column] as number));
    return [{ part, bottom, top: lower, style: `c${index % STYLES}` }];
  });
  const { top: highest, ticks } = scale(Math.max(least, ...lower));
  const scaled = (shares: readonly number[]): number[] => shares.map((share) => share / highest);
  const areas = layers.map(({ bottom, top, style }) => band(scaled(bottom), scaled(top), style));
  const legend = layers.map(({ part, style }) => `<li><i class="${style}"></i>${escaped(part)}</li>`);
  const drawing = plot(name, times(result), ticks, areas.join(''));
  return `${drawing}\n<ul class="legend">${legend.join('')}</ul>`;
}

/** An axis up to `top`. */
interface Scale {
  readonly top: number;
  readonly ticks: Tick[];
}

const percents = (highest: number): Scale => {
  const label = (at: number): string => `${(100 * at * highest).toFixed(highest < 0.2 ? 1 : 0)} %`;
  return { top: highest, ticks: quarters.map((at) => ({ at, label: label(at) })) };
};

/** Up to a round number. */
const counts = (highest: number): Scale => {
  const power = 10 ** Math.floor(Math.log10(highest));
  const top = power * ([1, 2, 4, 6, 8].find((one) => one * power >= highest) ?? 10);
  return { top, ticks: quarters.map((at) => ({ at, label: String(at * top) })) };
};

const times = ({ from, to, clock = false }: SimulationResult): Tick[] => timeTicks(from, to, clock);

const table = (rows: Readonly<Record<string, string | number>>): string =>
  `<table>${Object.entries(rows)
    .map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(told(value))}</td></tr>`)
    .join('')}</table>`;

const told = (value: string | number): string =>
  typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toFixed(4))) : String(value);

const STYLE = `
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}h3{font-size:1rem}table{border-collapse:collapse}
th{text-align:left;font-weight:normal;padding-right:2rem;opacity:.75}td{font-variant-numeric:tabular-nums}
svg{width:100%;height:auto}svg text{font-size:11px;fill:currentColor}.grid{stroke:currentColor;opacity:.15}
.c0{fill:#3b7dd8;background:#3b7dd8}.c1{fill:#d8893b;background:#d8893b}.c2{fill:#4c9f70;background:#4c9f70}
.c3{fill:#b0558f;background:#b0558f}.c4{fill:#8a8f98;background:#8a8f98}.c5{fill:#c2b73a;background:#c2b73a}
.c6{fill:#5b4b8a;background:#5b4b8a}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
.legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em}`;

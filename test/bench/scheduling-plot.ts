import { svg } from '#libs/scheduling';
import type { Figures } from './scheduling-measure.js';

export type Axis = 'pending' | 'nodes' | 'queues';

const SERIES: readonly { name: string; style: string; of: (one: Figures) => number }[] = [
  { name: 'submit p50', style: 's0', of: ({ submit }) => submit.p50 },
  { name: 'submit p99', style: 's0 far', of: ({ submit }) => submit.p99 },
  { name: 'finish p50', style: 's1', of: ({ finish }) => finish.p50 },
  { name: 'finish p99', style: 's1 far', of: ({ finish }) => finish.p99 },
  { name: 'reorder p50', style: 's2', of: ({ reorder }) => reorder.p50 },
];
/** Of which a line of n log n is drawn through the smallest size. */
const WITH_LINE: readonly string[] = ['finish p50', 'reorder p50'];

/** Of the height: of the highest cost, of the key above it. */
const TOP = 0.88;
const KEY_AT = 0.96;

const STYLE = `
svg { background: #fff } text { font: 12px sans-serif; fill: #555 } .grid { stroke: #ddd }
polyline { fill: none; stroke-width: 2 } .far { stroke-dasharray: 6 4 }
.s0 { stroke: #1f77b4 } .s1 { stroke: #d62728 } .s2 { stroke: #2ca02c } .bound { stroke: #999; stroke-dasharray: 2 3 }`;

/** What a step costs against one size, both logarithmic; as an SVG file. */
export function costPlot(axis: Axis, figures: readonly Figures[]): string {
  const sizes = figures.map((one) => one[axis]);
  const costs = figures.flatMap((one) => SERIES.map(({ of }) => of(one)));
  const [least, most] = [Math.floor(Math.log10(Math.min(...costs))), Math.ceil(Math.log10(Math.max(...costs)))];
  const across = (size: number): number => share(Math.log(size), sizes.map(Math.log));
  const height = (power: number): number => (TOP * (power - least)) / (most - least);
  const up = (ms: number): number => height(Math.log10(ms));
  const lines = SERIES.flatMap(({ name, style, of }) => {
    const own = svg.line(
      figures.map((one) => [across(one[axis]), up(of(one))]),
      style,
    );
    const [first] = figures;
    return first && WITH_LINE.includes(name) ? [bound(sizes, of(first), across, up), own] : [own];
  });
  const horizontal = sizes.map((size) => ({ at: across(size), label: `${size}` }));
  const vertical = Array.from({ length: most - least + 1 }, (_, at) => ({
    ...{ at: height(least + at), label: `${Number((10 ** (least + at)).toPrecision(1))}` },
  }));
  const key = [...SERIES, { name: 'n log n', style: 'bound' }].flatMap(({ name, style }, at) => {
    const from = 0.02 + 0.14 * at;
    const ends = [from, from + 0.03].map((right): [number, number] => [right, KEY_AT]);
    const text = `<text x="${svg.across(from + 0.035)}" y="${svg.up(KEY_AT)}" dy="4">${name}</text>`;
    return [svg.line(ends, style), text];
  });
  const drawing = svg.plot(
    `Milliseconds of one step against ${axis}`,
    horizontal,
    vertical,
    [...lines, ...key].join(''),
  );
  return `${drawing.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ').replace('>', `><style>${STYLE}</style>`)}\n`;
}

/** As far as it stays in the picture. */
function bound(sizes: readonly number[], first: number, across: (size: number) => number, up: (ms: number) => number) {
  const cost = (n: number): number => n * Math.log2(n + 1);
  const [from, to] = [Math.min(...sizes), Math.max(...sizes)];
  const points = Array.from({ length: 41 }, (_, at) => from * (to / from) ** (at / 40)).map((n): [number, number] => [
    across(n),
    up((first * cost(n)) / cost(from)),
  ]);
  return svg.line(
    points.filter(([, height]) => height <= TOP),
    'bound',
  );
}

const share = (value: number, all: readonly number[]): number =>
  (value - Math.min(...all)) / (Math.max(...all) - Math.min(...all));

/** Text that came from elsewhere, safe inside HTML, SVG and their attributes. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replace(/[^\P{C}\n\t]/gu, '');

/** Units of the drawing; the page scales it. */
export const WIDTH = 900;
export const HEIGHT = 220;
export const LEFT = 48;
export const BOTTOM = 24;
const TOP = 8;

/** Where a share of the width, of the height (0 at the bottom) is drawn. */
export const across = (share: number): string => (LEFT + share * (WIDTH - LEFT)).toFixed(1);
export const up = (share: number): string => (HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)).toFixed(1);

export interface Tick {
  /** From 0 to 1 along its axis. */
  readonly at: number;
  readonly label: string;
}

/** A drawing with its axes; `content` is SVG already. */
export function plot(name: string, horizontal: readonly Tick[], vertical: readonly Tick[], content: string): string {
  const lines = vertical.map(
    ({ at, label }) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${up(at)}" y2="${up(at)}"/>` +
      `<text x="${LEFT - 6}" y="${up(at)}" dy="4" text-anchor="end">${escaped(label)}</text>`,
  );
  const below = horizontal.map(({ at, label }) => {
    const anchor = at === 0 ? 'start' : at === 1 ? 'end' : 'middle';
    return `<text x="${across(at)}" y="${HEIGHT - 6}" text-anchor="${anchor}">${escaped(label)}</text>`;
  });
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(name)}">` +
    `${lines.join('')}${content}${below.join('')}</svg>`
  );
}

/** A filled area between two lines of equally spaced points, shares of the height. */
export function band(lower: readonly number[], upper: readonly number[], style: string): string {
  const x = (index: number): string => across(upper.length < 2 ? 0 : index / (upper.length - 1));
  const there = upper.map((share, index) => `${x(index)},${up(share)}`);
  const back = lower.map((share, index) => `${x(index)},${up(share)}`).reverse();
  return `<polygon class="${escaped(style)}" points="${[...there, ...back].join(' ')}"/>`;
}

/** A line through points, shares of the width and the height. */
export function line(points: readonly (readonly [right: number, up: number])[], style: string): string {
  return `<polyline class="${escaped(style)}" points="${points.map(([x, y]) => `${across(x)},${up(y)}`).join(' ')}"/>`;
}

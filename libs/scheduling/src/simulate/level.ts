/** An amount from one moment on, until the next one. */
export interface Level {
  /** Milliseconds. */
  readonly at: number;
  readonly amount: number;
}

/**
 * The mean over each of so many equal parts of [from, to), by time; 0 before the first level.
 *
 * @param levels  in order of time; those before `from` count from `from` on
 */
export function columnMeans(levels: readonly Level[], from: number, to: number, columns: number): number[] {
  const width = (to - from) / columns;
  const sums = new Array<number>(columns).fill(0);
  for (const [index, { at, amount }] of levels.entries()) {
    const end = Math.min(to, levels[index + 1]?.at ?? to);
    let start = Math.max(from, at);
    for (let column = Math.floor((start - from) / width); start < end && column < columns; column += 1) {
      const until = Math.min(end, from + (column + 1) * width);
      sums[column] = (sums[column] as number) + amount * Math.max(0, until - start);
      start = Math.max(start, until);
    }
  }
  return sums.map((sum) => sum / width);
}

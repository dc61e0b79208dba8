import { stringify } from 'yaml';

export type Output = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** How rows are shown: `wide` columns only where asked for; `name` is the first column alone. */
export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string | number | null;
  readonly wide?: boolean;
}

/** @returns text that ends with a newline, but for nothing */
export function shown<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  output: Output,
  whole: unknown = rows,
): string {
  if (output === 'json') return `${JSON.stringify(whole, null, 2)}\n`;
  if (output === 'yaml') return stringify(whole);
  const chosen = columns.filter(({ wide }) => !wide || output === 'wide');
  const cells = rows.map((row) => chosen.map(({ of }) => String(of(row) ?? '-')));
  if (output === 'name') return cells.map(([name]) => `${name}\n`).join('');
  const table = [chosen.map(({ title }) => title), ...cells];
  const widths = chosen.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** 1500 → 1.5. */
export const milli = (amount: number | undefined): string => String((amount ?? 0) / 1000);
export const gib = (bytes: number | undefined): string => `${((bytes ?? 0) / 1024 ** 3).toFixed(1)}Gi`;
/** Since then, in the largest unit that makes sense. */
export function ago(instant: number | string | null): string {
  if (instant === null) return '-';
  const seconds = Math.max(0, Math.round((Date.now() - new Date(instant).getTime()) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`;
}

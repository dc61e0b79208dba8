/** One line of a table, read by the names of its columns. */
export interface Row {
  /** @throws RangeError where there is no such column and no `otherwise` */
  text(column: string, otherwise?: string): string;
  /** A number ≥ 0 without a fraction. @throws RangeError where it is none */
  number(column: string): number;
}

/** The lines of a plain CSV file with a head and without quotes, which is all that the openb lists are. */
export function rowsOf(csv: string): Row[] {
  const [head = '', ...lines] = csv.split(/\r?\n/).filter((line) => line !== '');
  const columns = new Map(head.split(',').map((column, index) => [column, index]));
  return lines.map((line) => {
    const fields = line.split(',');
    const text = (column: string, otherwise?: string): string => {
      const value = fields[columns.get(column) ?? -1] ?? otherwise;
      if (value === undefined) throw new RangeError(`No column ${column} in: ${line}`);
      return value;
    };
    const number = (column: string): number => {
      const value = text(column);
      if (!/^\d+(\.0+)?$/.test(value)) throw new RangeError(`${column} is no number in: ${line}`);
      return Number(value);
    };
    return { text, number };
  });
}

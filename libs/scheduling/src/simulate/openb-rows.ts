/** One line of a table, read by the names of its columns. */
export interface Row {
  /** @throws RangeError, naming the line, where there is no such column and no `otherwise` */
  text(column: string, otherwise?: string): string;
  /** A number ≥ 0 without a fraction. @throws RangeError, naming the line, where it is none */
  number(column: string): number;
}

/** The lines of a plain CSV file with a head and without quotes, which is all that the openb lists are. */
export function rowsOf(csv: string): Row[] {
  const lines = csv.split(/\r?\n/).map((text, index) => ({ text, number: index + 1 }));
  const [head, ...rest] = lines.filter(({ text }) => text !== '');
  const columns = new Map(head?.text.split(',').map((column, index) => [column, index]));
  return rest.map(({ text: line, number: at }) => {
    const fields = line.split(',');
    const text = (column: string, otherwise?: string): string => {
      const value = fields[columns.get(column) ?? -1] ?? otherwise;
      if (value === undefined) throw new RangeError(`line ${at}: no column ${column} in: ${line}`);
      return value;
    };
    const number = (column: string): number => {
      const value = text(column);
      if (!/^\d+(\.0+)?$/.test(value)) throw new RangeError(`line ${at}: ${column} is no number in: ${line}`);
      return Number(value);
    };
    return { text, number };
  });
}

/** A cell that prints `count` numbered lines, `everyMs` apart, and returns. */
export const printingCell = (count: number, everyMs = 10): string =>
  [
    'import time',
    `for number in range(${count}):`,
    "    print(f'line {number}', flush=True)",
    `    time.sleep(${everyMs / 1000})`,
    "'returned'",
  ].join('\n');

export const numberedLines = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `line ${number}`);

/** The lines of what was printed. */
export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** A cell of a notebook file. */
export interface Cell {
  cell_type: 'code' | 'markdown';
  metadata: object;
  source: string;
}

export const markdown = (source: string): Cell => ({ cell_type: 'markdown', metadata: {}, source });

export const code = (source: string, metadata: object = {}): Cell => ({
  cell_type: 'code',
  metadata,
  source: source.trim(),
});

/** A notebook file, format 4.5, for the default environment. */
export const notebookOf = (cells: readonly Cell[]): object => ({
  cells: cells.map((cell, index) => ({
    ...cell,
    id: `cell-${index}`,
    ...(cell.cell_type === 'code' ? { execution_count: null, outputs: [] } : {}),
  })),
  metadata: {
    kernelspec: { name: 'python3', display_name: 'Python 3 (ipykernel)', language: 'python' },
    language_info: { name: 'python' },
  },
  nbformat: 4,
  nbformat_minor: 5,
});

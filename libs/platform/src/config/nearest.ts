/** Edits (insert, delete, replace) that turn one word into the other. Levenshtein, 1966. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...to].entries()) {
      const replace = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replace, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
};

/** ` (did you mean X?)` for the known word closest to `word`, or nothing where none is close. */
export const suggestion = (word: string, known: Iterable<string>): string => {
  const ranked = [...known].map((candidate) => ({ candidate, edits: distance(word, candidate) }));
  const best = ranked.sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= Math.max(2, word.length / 3) ? ` (did you mean ${best.candidate}?)` : '';
};

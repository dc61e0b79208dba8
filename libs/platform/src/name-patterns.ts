/** Whether a name is one of a list, where a trailing `*` is a prefix and `*` alone everything. */
export const matchesName = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name));

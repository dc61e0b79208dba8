import type { NodesFact } from '#libs/compute';

/** What two facts of nodes say together, the later one having the last word. */
export function joinedNodes(earlier: NodesFact, later: NodesFact): NodesFact {
  if (later.kind === 'nodes') return later;
  const touched = new Set([...later.nodes.map(({ id }) => id), ...later.gone]);
  const nodes = [...earlier.nodes.filter(({ id }) => !touched.has(id)), ...later.nodes];
  if (earlier.kind === 'nodes') return { kind: 'nodes', nodes };
  return { kind: 'nodes-changed', nodes, gone: [...earlier.gone.filter((id) => !touched.has(id)), ...later.gone] };
}

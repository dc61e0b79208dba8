import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';

/** An object without all but its name: of tens of thousands of them the rest would fill the memory. */
export const named = ({ metadata }: KubernetesObject): { metadata: V1ObjectMeta } => {
  const { name = '', namespace } = metadata ?? {};
  return { metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
};

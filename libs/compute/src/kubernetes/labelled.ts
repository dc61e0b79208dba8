import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';
import { named } from './named.js';

/** An object without all but its name and its labels. */
export const labelled = (object: KubernetesObject): { metadata: V1ObjectMeta } => {
  const { labels } = object.metadata ?? {};
  return { metadata: { ...named(object).metadata, ...(labels === undefined ? {} : { labels }) } };
};

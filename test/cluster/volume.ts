import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { Cluster } from './cluster.js';

/** Makes a claim that is bound to a folder of the node, which need not be there. */
export async function makeClaim(cluster: Cluster, namespace: string, name: string, path: string): Promise<void> {
  const metadata = { name: `${namespace}-${name}` };
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '' };
  await cluster.core.createPersistentVolume({
    body: {
      metadata,
      spec: {
        ...common,
        capacity: { storage: '1Gi' },
        hostPath: { path, type: 'Directory' },
        claimRef: { namespace, name },
      },
    },
  });
  const resources = { requests: { storage: '1Gi' } };
  await cluster.core.createNamespacedPersistentVolumeClaim({
    namespace,
    body: { metadata: { name }, spec: { ...common, resources, volumeName: metadata.name } },
  });
  const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  await cluster.until<V1PersistentVolumeClaim>(claims, name, ({ status }) => status?.phase === 'Bound');
}

import type { KubeConfig } from '@kubernetes/client-node';

/**
 * How to reach a cluster, and as whom.
 *
 * @param file  a kubeconfig; empty: the account of the pod that this process runs in
 * @throws Error of one line that says what is missing
 */
export async function readKubeConfig(file: string): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (file === '') config.loadFromCluster();
    else config.loadFromFile(file);
  } catch (error) {
    throw new Error(
      `compute.kubeconfig: ${file || 'the account of this pod'} can't be read: ${(error as Error).message}`,
    );
  }
  if (config.getCurrentCluster() === null) throw new Error(`compute.kubeconfig: ${file} names no cluster to use.`);
  return config;
}

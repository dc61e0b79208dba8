import type { KernelHost } from '../kernel-host.js';
import type { KubernetesHostOptions } from './kubernetes-host-options.js';

/** Loads the API client, which takes 60 MB and most of a second, only where there is a cluster. */
export async function makeKubernetesHost(options: KubernetesHostOptions): Promise<KernelHost> {
  const { KubernetesHost } = await import('./kubernetes-host.js');
  return new KubernetesHost(options);
}

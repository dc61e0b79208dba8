import type { PodFor, PodPlace } from '#libs/compute';
import type { KernelPlace } from '#libs/contracts';
import type { Config } from '#libs/platform';
import { podIdentity } from './pod-identity.js';

type Compute = Config['compute'];

/** Where the operators of GPUs write the model of a node's. */
const MODEL_LABEL = 'nvidia.com/gpu.product';

/**
 * What the settings make of a decision of the scheduling core.
 *
 * @param labels  of the node that was chosen; empty where none was, or none is known
 * @throws Error with a sentence for the user, who has no identity
 */
export const podPlace =
  (compute: Compute) =>
  (whom: PodFor, labels: Readonly<Record<string, string>>): PodPlace => {
    const { tolerations, priorityClass, deviceResources } = compute;
    const { place } = whom;
    return {
      ...podIdentity(compute, whom),
      node: place?.node ?? null,
      devices: place === null ? {} : devicesOf(place, labels[MODEL_LABEL], deviceResources),
      ...(tolerations.length === 0 ? {} : { tolerations }),
      ...(priorityClass === '' ? {} : { priorityClass }),
    };
  };

/** How many of which resource. Which of a node's devices they are is for its kubelet to say. */
function devicesOf(
  { devices, gpuMilli, migProfile }: KernelPlace,
  model = '',
  names: Compute['deviceResources'],
): Record<string, number> {
  if (devices.length === 0) return {};
  if (migProfile !== null) return { [names[`mig:${migProfile}`] ?? `nvidia.com/mig-${migProfile}`]: 1 };
  // However small the share is: how many a device has is set where its plugin is.
  if (gpuMilli < 1000) return { [names[`share:${model}`] ?? 'nvidia.com/gpu.shared']: devices.length };
  return { [names[model] ?? 'nvidia.com/gpu']: devices.length };
}

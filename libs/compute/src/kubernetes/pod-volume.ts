import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node';

/** A volume that a kernel sees. */
export interface PodVolume {
  /** Of the pod's volumes; a DNS label. */
  name: string;
  /** Absolute. */
  mountPath: string;
  readOnly: boolean;
  /** Within the volume. */
  subPath?: string;
  source: Omit<V1Volume, 'name'>;
}

export const volumeOf = ({ name, source }: PodVolume): V1Volume => ({ name, ...source });

export const mountOf = ({ name, mountPath, readOnly, subPath }: PodVolume): V1VolumeMount => ({
  name,
  mountPath,
  readOnly,
  ...(subPath === undefined ? {} : { subPath }),
});

import type { KubeConfig, V1Toleration } from '@kubernetes/client-node';
import type { LaunchFor } from '../kernel-host.js';
import type { HostLog, PoolSize } from '../process/process-host-options.js';
import type { PodLaunch } from './pod-launch.js';
import type { PodVolume } from './pod-volume.js';

/** For whom a pod is made; a warm one is nobody's yet, so its place must be right for all of its project. */
export interface PodFor extends Omit<LaunchFor, 'owner'> {
  owner: string | null;
}

/** Where a kernel's pod goes and what it is made of: policy, which the host is told. */
export interface PodPlace {
  /** One of the host's. */
  namespace: string;
  /** The node that the core chose; null leaves it to the cluster. */
  node: string | null;
  /** Identity of the kernel; the agent has one of its own. */
  uid: number;
  gid: number;
  /** Supplementary groups. */
  groups: readonly number[];
  volumes: readonly PodVolume[];
  tolerations?: readonly V1Toleration[];
  /** Devices, e.g. `nvidia.com/gpu`: how many. */
  devices?: Readonly<Record<string, number>>;
  priorityClass?: string;
  readOnlyRoot?: boolean;
}

/** Pods that are started before anybody asks for them, each for one kernel like these. */
export interface PodPoolOptions extends PoolSize {
  /** Of the kernelspec. */
  name: string;
  like: PodLaunch;
}

export interface KubernetesHostOptions {
  /** How to reach the API server, and as whom. */
  config: KubeConfig;
  /** Names this launcher's pods among those of others in the same cluster: a label's value. */
  launcher: string;
  /** Rises with every launcher of this name: an agent obeys the highest. */
  term: number;
  /** Of all pods and secrets; nothing of the cluster beside them is touched, and its nodes are only watched. */
  namespaces: readonly string[];
  agentImage: string;
  /** Text of the agent's boot_pod.py. */
  boot: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /**
   * @param labels  of the node that was chosen; empty where none was, or none is known
   * @throws Error with a sentence for the user, where there is no place for it
   */
  place(whom: PodFor, labels: Readonly<Record<string, string>>): PodPlace;
  /** Of all pods: a node that repels others takes nothing of ours. */
  tolerations: readonly V1Toleration[];
  /** Names of extended resources by GPU model, where they are not NVIDIA's. */
  deviceResources: Readonly<Record<string, string>>;
  pools: readonly PodPoolOptions[];
  /** Warm kernels of all pools together, at most. */
  poolBudget: number;
  /** A project has warm kernels of its own for so long after its last one like them. */
  projectActiveSeconds: number;
  /** Output kept per kernel for clients that return. */
  ringBytes: number;
  /** How long the output of a gone session is kept. */
  retentionSeconds: number;
  /** An agent without a claim and without a launcher ends after this. */
  unclaimedSeconds: number;
  /** An idle kernel without any connection ends after this. */
  orphanSeconds: number;
  /** How long an agent stays after its kernel crashed, so that clients get the rest of the output. */
  lingerSeconds: number;
  log: HostLog;
}

import type { V1Container, V1Pod, V1ResourceRequirements, V1Secret, V1SecurityContext } from '@kubernetes/client-node';
import type { AgentEndpoint, KernelId, ResourceLimits, Resources } from '#libs/contracts';
import type { KubernetesHostOptions, PodPlace } from './kubernetes-host-options.js';
import type { PodLaunch } from './pod-launch.js';
import { mountOf, volumeOf } from './pod-volume.js';

/** Of the agent, on the pod's address. */
export const AGENT_PORT = 7100;
/** Of the agent in its container: the kernel's must be another. */
export const AGENT_UID = 10001;
export const KERNEL_CONTAINER = 'kernel';
/**
 * `kernel` is the id under which the pod was made; one that was warm then serves another, which its agent knows, and
 * `claimedBy` says to people.
 */
export const LABEL = {
  launcher: 'beamgate/launcher',
  kernel: 'beamgate/kernel',
  warm: 'beamgate/warm',
  claimedBy: 'beamgate/claimed-by',
};
export const selectorOf = (launcher: string): string => `${LABEL.launcher}=${launcher},${LABEL.kernel}`;

const SPEC = 'spec';
const AGENT_ARGV = ['python3', '-I', '-S', '-X', 'utf8', '/opt/beamgate/agent/beamgate_agent/__main__.py', 'env:SPEC'];
/** Two of the agent's rings, its code, and copies of a large message. */
const AGENT_MEMORY_OVER_RING = 96 * 1024 * 1024;

const NAME_PREFIX = 'kernel-';
export const podName = (kernelId: string): string => `${NAME_PREFIX}${kernelId}`;
/** Undefined for a name that is none of ours. */
export const podIdIn = (name: string): KernelId | undefined =>
  name.startsWith(NAME_PREFIX) ? (name.slice(NAME_PREFIX.length) as KernelId) : undefined;

/** What the agent is started with; beside its tokens it says how the control plane reaches it. */
export interface PodAgentSpec extends Record<string, unknown> {
  clientToken: string;
  controlToken: string;
  tls: { certificate: string; key: string };
}

/** The pod's secret, which is also what a restarted launcher knows of it. It owns the pod. */
export function secretOf(
  kernelId: KernelId,
  spec: PodAgentSpec,
  namespace: string,
  launcher: string,
  warm = false,
): V1Secret {
  return {
    metadata: { name: podName(kernelId), namespace, labels: labels(kernelId, launcher, warm) },
    stringData: { [SPEC]: JSON.stringify(spec) },
  };
}

/** Undefined where it is none of ours: whoever may write there may have. */
export function specOf(secret: V1Secret | undefined): PodAgentSpec | undefined {
  try {
    return JSON.parse(Buffer.from(secret?.data?.[SPEC] ?? '', 'base64').toString());
  } catch {
    return undefined;
  }
}

export const endpointOf = ({ clientToken, controlToken, tls }: PodAgentSpec, address: string): AgentEndpoint => ({
  socket: `${address}:${AGENT_PORT}`,
  clientToken,
  controlToken,
  tls,
});

/** Two containers: the kernel's code can neither read the agent's secret nor take its memory. */
export function podOf(
  kernelId: KernelId,
  { command: { image, python }, limits, requests }: PodLaunch,
  place: PodPlace,
  owner: V1Secret,
  options: KubernetesHostOptions,
): V1Pod {
  const name = podName(kernelId);
  const { launcher, imagePullPolicy } = options;
  const { volumes } = place;
  const agent: V1Container = {
    name: 'agent',
    image: options.agentImage,
    imagePullPolicy,
    command: AGENT_ARGV,
    // Without a volume, which costs the start 0.4 s.
    env: [{ name: 'SPEC', valueFrom: { secretKeyRef: { name, key: SPEC } } }],
    ports: [{ name: 'agent', containerPort: AGENT_PORT }],
    securityContext: restricted(AGENT_UID, AGENT_UID, true),
    resources: agentResources(options.ringBytes),
  };
  const kernel: V1Container = {
    name: KERNEL_CONTAINER,
    image,
    imagePullPolicy,
    command: [python, '-I', '-S', '-c', options.boot, String(AGENT_UID)],
    securityContext: restricted(place.uid, place.gid, place.readOnlyRoot ?? false),
    resources: kernelResources(place.devices, limits, requests),
    ...(volumes.length === 0 ? {} : { volumeMounts: volumes.map(mountOf) }),
  };
  return {
    metadata: {
      name,
      namespace: place.namespace,
      labels: labels(kernelId, launcher, owner.metadata?.labels?.[LABEL.warm] !== undefined),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name, uid: owner.metadata?.uid ?? '' }],
    },
    spec: {
      containers: [agent, kernel],
      ...(volumes.length === 0 ? {} : { volumes: volumes.map(volumeOf) }),
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      dnsPolicy: 'Default',
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
        // No fsGroup: nobody's data changes hands.
        supplementalGroups: [...place.groups],
      },
      ...(place.node === null ? {} : { affinity: onNode(place.node) }),
      ...(place.tolerations === undefined ? {} : { tolerations: [...place.tolerations] }),
      ...(place.priorityClass === undefined ? {} : { priorityClassName: place.priorityClass }),
    },
  };
}

const labels = (kernelId: string, launcher: string, warm: boolean): Record<string, string> => ({
  'app.kubernetes.io/managed-by': 'beamgate',
  [LABEL.launcher]: launcher,
  [LABEL.kernel]: kernelId,
  ...(warm ? { [LABEL.warm]: '' } : {}),
});

/** The core chose it, and the cluster's own scheduler still checks taints, volumes and what others took meanwhile. */
const onNode = (node: string) => {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } } };
};

/** As the restricted Pod Security Standard asks. */
const restricted = (uid: number, gid: number, readOnlyRootFilesystem: boolean): V1SecurityContext => ({
  runAsNonRoot: true,
  runAsUser: uid,
  runAsGroup: gid,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem,
});

const agentResources = (ringBytes: number): V1ResourceRequirements => ({
  requests: { cpu: '10m', memory: '24Mi' },
  limits: { memory: String(4 * ringBytes + AGENT_MEMORY_OVER_RING) },
});

function kernelResources(
  devices: PodPlace['devices'] = {},
  limits: ResourceLimits,
  requests: Resources | undefined,
): V1ResourceRequirements {
  // Devices are asked for by their limit.
  const counts = Object.fromEntries(Object.entries(devices).map(([name, count]) => [name, String(count)]));
  return {
    ...(requests === undefined ? {} : { requests: quantities(requests) }),
    limits: {
      ...counts,
      ...(limits.cpuMilli === null ? {} : { cpu: `${limits.cpuMilli}m` }),
      ...(limits.memoryBytes === null ? {} : { memory: String(limits.memoryBytes) }),
    },
  };
}

const quantities = ({ cpuMilli, memoryBytes }: Resources) => ({ cpu: `${cpuMilli}m`, memory: String(memoryBytes) });

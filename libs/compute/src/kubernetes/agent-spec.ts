import { randomBytes } from 'node:crypto';
import type { ImageCommand, KernelId } from '#libs/contracts';
import { selfSigned } from './certificate.js';
import type { KubernetesHostOptions } from './kubernetes-host-options.js';
import { AGENT_PORT, type PodAgentSpec } from './manifest.js';

type Patience = Pick<
  KubernetesHostOptions,
  'ringBytes' | 'retentionSeconds' | 'unclaimedSeconds' | 'orphanSeconds' | 'lingerSeconds'
>;

/** What the agent of a pod is started with, with secrets of its own. @param cwd  empty: the image's */
export const agentSpec = (
  kernelId: KernelId,
  env: Record<string, string>,
  cwd: string,
  { python }: ImageCommand,
  { ringBytes, retentionSeconds, unclaimedSeconds, orphanSeconds, lingerSeconds }: Patience,
): PodAgentSpec => ({
  kernelId,
  directory: '@beamgate',
  socket: `0.0.0.0:${AGENT_PORT}`,
  record: '',
  clientToken: randomBytes(32).toString('base64url'),
  controlToken: randomBytes(32).toString('base64url'),
  tls: selfSigned(kernelId),
  kernel: { kind: 'pod', python },
  env,
  cwd,
  limits: { memoryBytes: null, cpuMilli: null, cgroups: false },
  ringBytes,
  retentionSeconds,
  unclaimedSeconds,
  orphanSeconds,
  lingerSeconds,
});

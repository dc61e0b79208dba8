import { randomUUID } from 'node:crypto';
import { Kernel, KernelId, KernelSubmission, SessionRow, TokenRow } from '#libs/contracts';

export const aKernelId = (): KernelId => KernelId.parse(randomUUID());

/** A judged request for a small Python kernel of `ada`. */
export const aSubmission = (changes: Partial<KernelSubmission> = {}): KernelSubmission => ({
  id: aKernelId(),
  owner: 'ada',
  project: null,
  instrument: null,
  actor: 'ada',
  tokenId: null,
  kernelspec: 'python3',
  priorityClass: 'interactive',
  requests: { cpuMilli: 500, memoryBytes: 256 * 1024 ** 2 },
  launch: {
    command: { kind: 'python', python: '/usr/bin/python3' },
    env: { KERNEL_ID: 'x', LANG: 'C.UTF-8' },
    workingDirectory: null,
    limits: { cpuMilli: null, memoryBytes: 4 * 1024 ** 3 },
    launchTimeoutSeconds: 60,
  },
  culling: {},
  scheduling: { queue: null, flavors: [], wallSeconds: null },
  ...changes,
});

/** A queued kernel, unless `changes` says otherwise. */
export const aKernel = (changes: Partial<Kernel> = {}): Kernel => ({
  ...aSubmission(),
  scheduling: { queue: null, flavors: [], wallSeconds: null, place: null, evictions: 0, warm: false },
  revision: 1,
  phase: 'queued',
  endReason: null,
  detail: '',
  executionState: 'starting',
  submittedAt: 1_000,
  admittedAt: null,
  readyAt: null,
  endedAt: null,
  lastActivityAt: 1_000,
  ending: null,
  incarnation: 0,
  endpoint: null,
  ...changes,
});

export const aSession = (changes: Partial<SessionRow> = {}): SessionRow => ({
  id: randomUUID(),
  owner: 'ada',
  path: 'scan.ipynb',
  name: 'scan.ipynb',
  type: 'notebook',
  kernelId: aKernelId(),
  ...changes,
});

export const aToken = (changes: Partial<TokenRow> = {}): TokenRow => ({
  id: randomUUID(),
  user: 'ada',
  scopes: ['kernels'],
  groups: ['beamline-7'],
  actAs: [],
  note: 'laptop',
  createdBy: 'ada',
  createdAt: 1_000,
  expiresAt: null,
  revokedAt: null,
  ...changes,
});

import { z } from 'zod';
import { Instant, KernelId } from './ids.js';
import { KernelCommand, ResourceLimits, Resources } from './kernelspec.js';
import { KernelPlace } from './node.js';

export const PriorityClass = z.enum(['live', 'interactive', 'batch', 'scavenge']);
export type PriorityClass = z.infer<typeof PriorityClass>;

/** Life of a kernel: queued → admitted → launching → starting → ready → stopping → ended. */
export const KernelPhase = z.enum(['queued', 'admitted', 'launching', 'starting', 'ready', 'stopping', 'ended']);
export type KernelPhase = z.infer<typeof KernelPhase>;

/** Why a kernel ended: a closed set. */
export const EndReason = z.enum([
  'shut-down',
  'culled',
  'reclaimed',
  'preempted',
  'reservation',
  'out-of-memory',
  'crashed',
  'launch-failed',
  'image-pull',
  'unschedulable',
  'queue-expired',
  'node-lost',
  'revoked',
  'admin',
]);
export type EndReason = z.infer<typeof EndReason>;

/** Where a gateway reaches the kernel's agent. Secret: never leaves our services. */
export const AgentEndpoint = z.object({
  socket: z.string().describe('unix socket path; address:port where there is tls'),
  clientToken: z.string(),
  controlToken: z.string(),
  /** Of the pod alone: both sides show this certificate and take no other. */
  tls: z.object({ certificate: z.string().describe('PEM'), key: z.string().describe('PEM') }).optional(),
});
export type AgentEndpoint = z.infer<typeof AgentEndpoint>;

/** Everything the launcher needs to make the kernel; fixed at submission. */
export const LaunchSpec = z.object({
  command: KernelCommand,
  env: z.record(z.string(), z.string()).describe('variables on top of the environment own ones'),
  workingDirectory: z.string().nullable().describe('as the client asked; null: the default folder'),
  limits: ResourceLimits,
  requests: Resources.optional().describe(
    'what is booked for it, which a pod states to its cluster; rows of before have none',
  ),
  launchTimeoutSeconds: z.number().positive().describe('counted from admission'),
});
export type LaunchSpec = z.infer<typeof LaunchSpec>;

/** Where a kernelspec differs from the service in when its kernels are ended unasked; seconds, 0: never. */
export const CullLimits = z.object({
  idleSeconds: z.number().min(0).optional(),
  busySeconds: z.number().min(0).optional(),
});
export type CullLimits = z.infer<typeof CullLimits>;

/** An end that a kernel's user was warned of, and that its use before then averts. */
export const Ending = z.object({
  at: Instant,
  reason: EndReason,
  detail: z.string().describe('a sentence on why'),
});
export type Ending = z.infer<typeof Ending>;

/** What the scheduler is asked of a kernel. */
export const KernelWish = z.object({
  queue: z.string().nullable().default(null).describe('null: that of its project, else the first'),
  flavors: z.array(z.string()).default([]).describe('tried in this order; empty: wherever it fits'),
  wallSeconds: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe('it is ended after so long; null: when it is told to'),
});
export type KernelWish = z.infer<typeof KernelWish>;

/** What the scheduler made of it. */
export const KernelScheduling = KernelWish.extend({
  place: KernelPlace.nullable().default(null).describe('null: has none yet, or the launcher chose it'),
  evictions: z.int().min(0).default(0).describe('how often it had to give its place back'),
  warm: z.boolean().default(false).describe('its place is that of a spare'),
});
export type KernelScheduling = z.infer<typeof KernelScheduling>;

/** A kernel as stored: one row. `revision` grows by one with each change of the row. */
export const Kernel = z.object({
  id: KernelId,
  revision: z.int(),
  /** Who it belongs to. */
  owner: z.string(),
  /** Whose token made it; differs from `owner` under act-as. */
  actor: z.string(),
  /** `jti` of the token that made it. */
  tokenId: z.string().nullable(),
  kernelspec: z.string(),
  /** What it is counted to; null where its owner has none, or several and named none. */
  project: z.string().nullable(),
  /** The beamline that it is counted to; null as with the project, and of services of before. */
  instrument: z.string().nullable().default(null),
  priorityClass: PriorityClass,
  requests: Resources,
  launch: LaunchSpec,
  culling: CullLimits,
  scheduling: KernelScheduling,
  phase: KernelPhase,
  endReason: EndReason.nullable(),
  /** A sentence for people about the end or the wait; empty where there is nothing to say. */
  detail: z.string(),
  executionState: z.enum(['starting', 'idle', 'busy', 'restarting', 'dead']),
  /** Grows with each restart: which process of the kernel ought to live. */
  incarnation: z.int(),
  submittedAt: Instant,
  admittedAt: Instant.nullable(),
  readyAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  lastActivityAt: Instant,
  ending: Ending.nullable(),
  endpoint: AgentEndpoint.nullable(),
});
export type Kernel = z.infer<typeof Kernel>;

/**
 * Why a kernel waits, asked of the scheduling core when somebody looks. `warm-starting` and `launching` have their place and
 * are not ready yet: `warm-starting` where the core gave it the place of a spare.
 */
export const WaitExplanation = z.object({
  position: z.int().min(1).describe('place in the queue, 1 is next'),
  of: z.int().min(1).describe('how many wait'),
  reason: z.enum([
    ...(['deactivated', 'queue-held', 'never-fits', 'no-flavor', 'user-cap', 'quota-wait', 'reserved-for'] as const),
    ...(['behind-head', 'fragmented', 'capacity', 'evicting', 'warm-starting', 'not-yet-looked', 'launching'] as const),
  ]),
  text: z.string().describe('one sentence for people'),
  since: Instant.optional().describe('of one that has its place and is starting: when it got it'),
  expectedStart: z
    .object({ earliest: Instant, latest: Instant })
    .nullable()
    .describe('a band, or null where nothing grounds one'),
  missing: z
    .object({ flavor: z.string(), resource: z.string(), amount: z.int() })
    .optional()
    .describe('what lacks first'),
  holders: z
    .array(z.object({ user: z.string(), amount: z.int(), workloads: z.int() }))
    .optional()
    .describe('who holds most of what it waits for'),
  change: z.string().optional().describe('what would start it now, as a dry run found'),
});
export type WaitExplanation = z.infer<typeof WaitExplanation>;

/** A session model row (path ↔ kernel), for clients that use `/api/sessions` directly. */
export const SessionRow = z.object({
  id: z.uuid(),
  owner: z.string(),
  path: z.string(),
  name: z.string(),
  type: z.string(),
  kernelId: KernelId,
});
export type SessionRow = z.infer<typeof SessionRow>;

/** A token of the built-in issuer, as recorded; the token itself is not kept. */
export const TokenRow = z.object({
  id: z.string(),
  user: z.string(),
  scopes: z.array(z.enum(['kernels', 'admin'])),
  groups: z.array(z.string()),
  actAs: z.array(z.string()),
  note: z.string(),
  createdBy: z.string(),
  createdAt: Instant,
  expiresAt: Instant.nullable(),
  revokedAt: Instant.nullable(),
});
export type TokenRow = z.infer<typeof TokenRow>;

import { z } from 'zod';
import { Scope } from './identity.js';
import { KernelId } from './ids.js';
import { EndReason, KernelPhase, PriorityClass, WaitExplanation } from './kernel.js';
import { KernelSpecModel, ResourceLimits, Resources } from './kernelspec.js';

/** Variables that a request brings; what a kernel gets of them is policy. */
const RequestEnv = z.record(z.string().min(1).max(256), z.string().max(4096));
const Name = z.string().min(1).max(256);

// The Enterprise Gateway dialect. Unknown members are ignored there: clients send more than they need.

/** `POST /api/kernels`; the body may be missing. */
export const StartKernelBody = z.object({ name: Name.nullish(), env: RequestEnv.optional() }).prefault({});
export type StartKernelBody = z.infer<typeof StartKernelBody>;

const SessionKernel = z.object({ id: KernelId.nullish(), name: Name.nullish() });

/** `POST /api/sessions`. */
export const StartSessionBody = z.object({
  path: z.string().min(1).max(4096),
  type: Name,
  name: z.string().max(4096).nullish(),
  kernel: SessionKernel.prefault({}),
});
export type StartSessionBody = z.infer<typeof StartSessionBody>;

/** `PATCH /api/sessions/{id}`. */
export const ChangeSessionBody = z.object({
  path: z.string().min(1).max(4096).optional(),
  type: Name.optional(),
  name: z.string().max(4096).nullish(),
  kernel: SessionKernel.optional(),
});
export type ChangeSessionBody = z.infer<typeof ChangeSessionBody>;

/** A kernel as Jupyter's REST interface shows it. */
export const KernelModel = z.object({
  id: KernelId,
  name: z.string(),
  last_activity: z.string().describe('ISO 8601 with fraction and Z; notebook servers parse no other form'),
  execution_state: z.enum(['starting', 'idle', 'busy', 'restarting', 'dead']),
  connections: z.int(),
  reason: z.string().optional().describe('why it is dead'),
  queue: WaitExplanation.optional().describe('why it waits'),
});
export type KernelModel = z.infer<typeof KernelModel>;

export const SessionModel = z.object({
  id: z.string(),
  path: z.string(),
  name: z.string(),
  type: z.string(),
  kernel: KernelModel,
});
export type SessionModel = z.infer<typeof SessionModel>;

// /v1: strict, so that a misspelt wish is refused and not ignored.

/** `POST /v1/kernels`. */
export const CreateKernelBody = z.strictObject({
  kernelspec: Name.optional().describe('name of an offered kernelspec; absent: the default one'),
  id: z.uuidv4().optional().describe('your own id, so that repeating the request gives the same kernel'),
  owner: Name.optional().describe('who it belongs to; others than yourself need an act-as grant'),
  project: Name.optional().describe('one of your projects; absent: yours, where you have one'),
  instrument: Name.optional().describe('one of your instruments; absent: yours, where you have one'),
  env: RequestEnv.default({}).describe('variables for the kernel; names must be allowed here'),
  workingDirectory: z.string().startsWith('/').max(4096).optional().describe('absolute folder to start in'),
  priorityClass: PriorityClass.optional(),
  profile: Name.optional().describe('size of kernel; absent: that of the kernelspec'),
  queue: Name.optional().describe('where it waits; absent: the queue of its profile or project'),
  wallSeconds: z.int().positive().optional().describe('it is ended after so many seconds; lets it start in gaps'),
});
export type CreateKernelBody = z.infer<typeof CreateKernelBody>;

const Time = z.iso.datetime();

/** A kernel as `/v1` shows it. */
export const KernelView = z.object({
  id: KernelId,
  owner: z.string(),
  project: z.string().nullable(),
  instrument: z.string().nullable(),
  kernelspec: z.string(),
  priorityClass: PriorityClass,
  queue: z.string().nullable().describe('where it waits or waited; null: the default one'),
  place: z.object({ node: z.string(), flavor: z.string(), devices: z.array(z.int()) }).nullable(),
  wallSeconds: z.int().nullable(),
  requests: Resources,
  limits: ResourceLimits,
  phase: KernelPhase,
  executionState: z.enum(['starting', 'idle', 'busy', 'restarting', 'dead']),
  endReason: EndReason.nullable(),
  detail: z.string().describe('a sentence about the end or the wait; may be empty'),
  submittedAt: Time,
  admittedAt: Time.nullable(),
  readyAt: Time.nullable(),
  endedAt: Time.nullable(),
  lastActivityAt: Time,
  connections: z.int(),
  ending: z
    .object({ at: Time, reason: EndReason, detail: z.string() })
    .nullable()
    .describe('the end that its user was warned of; using the kernel averts it'),
  wait: WaitExplanation.nullable().optional().describe('of one kernel: why it waits; null when it does not'),
});
export type KernelView = z.infer<typeof KernelView>;

export const KernelList = z.object({ kernels: z.array(KernelView) });
export const KernelspecList = z.object({ default: z.string(), kernelspecs: z.array(KernelSpecModel) });

/** `POST /v1/tokens`. */
export const CreateTokenBody = z.strictObject({
  user: Name.optional().describe('whose token; others than yourself need the admin scope'),
  scopes: z.array(Scope).min(1).default(['kernels']),
  groups: z.array(Name).max(256).default([]).describe('groups of the user'),
  actAs: z.array(Name).max(256).default([]).describe('groups whose members it may start kernels for; `*` is everybody'),
  note: z.string().max(1024).default('').describe('what it is for'),
  ttlSeconds: z.int().positive().max(3_153_600_000).optional().describe('absent: until it is revoked'),
});
export type CreateTokenBody = z.infer<typeof CreateTokenBody>;

/** A recorded token; the token itself is shown once, when it is made. */
export const TokenView = z.object({
  id: z.string(),
  user: z.string(),
  scopes: z.array(Scope),
  groups: z.array(z.string()),
  actAs: z.array(z.string()),
  note: z.string(),
  createdBy: z.string(),
  createdAt: z.int().describe('ms since the epoch'),
  expiresAt: z.int().nullable().describe('ms since the epoch'),
  revokedAt: z.int().nullable().describe('ms since the epoch'),
});
export const NewToken = TokenView.extend({ token: z.string() });
export const TokenList = z.object({ tokens: z.array(TokenView) });

import { z } from 'zod';
import { Instant, KernelId } from './ids.js';
import {
  AgentEndpoint,
  CullLimits,
  EndReason,
  Kernel,
  KernelWish,
  LaunchSpec,
  PriorityClass,
  SessionRow,
  TokenRow,
  WaitExplanation,
} from './kernel.js';
import { KernelInfo } from './kernel-info.js';
import { Resources } from './kernelspec.js';
import { KernelPlace, NodeReport, WarmSpares } from './node.js';
import { AuditRow, SchedulingChange, SchedulingDocument, SchedulingState } from './scheduling-admin.js';
import { SchedulingConfig } from './scheduling-config.js';

/** A request with a reply between services: its pattern, and the schemas of both. */
export interface CommandContract<I extends z.ZodType, O extends z.ZodType> {
  pattern: string;
  input: I;
  output: O;
}
const command = <I extends z.ZodType, O extends z.ZodType>(
  pattern: string,
  input: I,
  output: O,
): CommandContract<I, O> => ({
  pattern,
  input,
  output,
});

const Nothing = z.object({});
const OneKernel = z.object({ kernelId: KernelId });

/** A judged request: identity is proven, kernelspec resolved, wishes checked against policy by the gateway. */
export const KernelSubmission = z.object({
  id: KernelId,
  owner: z.string(),
  actor: z.string(),
  tokenId: z.string().nullable(),
  kernelspec: z.string(),
  project: z.string().nullable().default(null),
  instrument: z.string().nullable().default(null),
  priorityClass: PriorityClass,
  requests: Resources,
  launch: LaunchSpec,
  culling: CullLimits.default({}),
  scheduling: KernelWish.prefault({}),
});
export type KernelSubmission = z.infer<typeof KernelSubmission>;

/** Gateway → gatekeeper. Each answers after its effect is on disk. */
export const GatekeeperCommands = {
  /** The same id from the same owner and kernelspec gives the same kernel; from another owner: Conflict. */
  submitKernel: command('kernel.submit', KernelSubmission, Kernel),
  /** Idempotent; a queued kernel leaves the queue. Ends with `reason`. */
  stopKernel: command('kernel.stop', OneKernel.extend({ reason: EndReason, detail: z.string() }), Kernel),
  /** A living kernel gets a new process at once; one that ended without being asked to re-enters the queue. */
  restartKernel: command('kernel.restart', OneKernel, Kernel),
  /** Of a kernel without a process: the cells that wait for it are given back, its place in the queue is kept. */
  interruptKernel: command('kernel.interrupt', OneKernel, Kernel),
  /** As if it had been used now: an end for lack of use, or for too much, moves away. */
  keepKernel: command('kernel.keep', OneKernel, Kernel),
  /** Answered by the scheduling core from memory; null when the kernel is not waiting. */
  explainKernel: command('kernel.explain', OneKernel, WaitExplanation.nullable()),
  /** Which of these ought to have no process: they have ended, wait, or there is no such kernel. */
  unwantedKernels: command(
    'kernel.unwanted',
    z.object({ kernelIds: z.array(KernelId) }),
    z.object({ unwanted: z.array(KernelId) }),
  ),
  readScheduling: command('scheduling.read', Nothing, SchedulingDocument),
  /** Answers what would become of it, and makes it so unless it is a dry run. */
  changeScheduling: command(
    'scheduling.change',
    z.object({
      config: SchedulingConfig,
      ifVersion: z.int().nullable().describe('PreconditionFailed where it is another one by now; null: whatever it is'),
      actor: z.string(),
      action: z.string(),
      dryRun: z.boolean(),
    }),
    SchedulingChange,
  ),
  schedulingState: command('scheduling.state', Nothing, SchedulingState),
  readAudit: command('scheduling.audit', z.object({ limit: z.int() }), z.array(AuditRow)),
  saveSession: command('session.save', SessionRow, SessionRow),
  deleteSession: command('session.delete', z.object({ id: z.uuid() }), Nothing),
  createToken: command('token.create', TokenRow, TokenRow),
  /** Revokes and says when; a second call gives the first time. NotFound where there is none. */
  revokeToken: command('token.revoke', z.object({ id: z.string() }), TokenRow),
} as const;

/** What the agent of a kernel says of its use. */
export const KernelUsage = z.object({
  state: z.enum(['starting', 'idle', 'busy', 'restarting', 'exited']),
  quietMs: z.int().min(0).describe('since its state changed or it printed, by a clock that never jumps'),
  cpuSeconds: z.number().min(0).describe('CPU time of its processes so far'),
});
export type KernelUsage = z.infer<typeof KernelUsage>;

/** Gatekeeper → launcher. Accepted is not done: facts tell what became of it. */
export const LauncherCommands = {
  launchKernel: command(
    'launcher.launch',
    z.object({
      kernelId: KernelId,
      owner: z.string(),
      project: z.string().nullable().default(null),
      launch: LaunchSpec,
      place: KernelPlace.nullable().default(null).describe('null: the launcher is free to choose'),
    }),
    Nothing,
  ),
  /** Ends the kernel and its agent, however far it got; a kernel unknown here is already stopped: fact `kernelExited`. */
  stopKernel: command('launcher.stop', OneKernel.extend({ graceMs: z.int().min(0) }), Nothing),
  /** A new process, unless this incarnation is there, or a later one. */
  restartKernel: command('launcher.restart', OneKernel.extend({ incarnation: z.int() }), Nothing),
  /** Answered by the agent; null where none answers. */
  usage: command('launcher.usage', OneKernel, KernelUsage.nullable()),
  /**
   * When a gatekeeper begins to lead, or a launcher has come up: which kernels ought to live. The launcher adopts those,
   * reaps every other agent, and reports facts. Of an epoch before one that it heard of: does nothing.
   */
  reconcile: command('launcher.reconcile', z.object({ kernelIds: z.array(KernelId), epoch: z.int() }), Nothing),
  /**
   * How many spares of each environment are to stand where, from now on; environments that it does not name are kept as the
   * settings say. The whole each time. Of an epoch before one that the launcher heard of: does nothing.
   */
  keepWarm: command('launcher.keep-warm', z.object({ pools: z.array(WarmSpares), epoch: z.int() }), Nothing),
} as const;

/** Launcher → gatekeeper: what happened. Delivered at least once; the gatekeeper ignores what it knows. */
export const LauncherFacts = {
  /** A launcher takes commands from now on, and knows of no kernel yet. */
  launcherUp: { pattern: 'fact.launcher-up', schema: Nothing },
  /** All nodes that there are, as an answer to `reconcile` among others. */
  nodes: { pattern: 'fact.nodes', schema: z.object({ nodes: z.array(NodeReport) }) },
  /** Those that are not as they were told last, coalesced; `gone` are ids. */
  nodesChanged: {
    pattern: 'fact.nodes-changed',
    schema: z.object({ nodes: z.array(NodeReport), gone: z.array(z.string()) }),
  },
  /** What keeps this launcher from starting kernels, as a sentence, told at each change and to who begins to lead; null: nothing. */
  hindered: { pattern: 'fact.hindered', schema: z.object({ reason: z.string().nullable() }) },
  /** Its start was cut short by no fault of its own, and is made again in its place; `reason` is a sentence. Its end may yet come. */
  launchAgain: { pattern: 'fact.launch-again', schema: OneKernel.extend({ reason: z.string() }) },
  /** The agent listens; channels may be opened. */
  agentUp: { pattern: 'fact.agent-up', schema: OneKernel.extend({ endpoint: AgentEndpoint }) },
  /** The kernel takes requests. */
  kernelReady: { pattern: 'fact.kernel-ready', schema: OneKernel.extend({ incarnation: z.int() }) },
  /** What kernels made by this command say of themselves; told once by each launcher. */
  kernelInfo: { pattern: 'fact.kernel-info', schema: OneKernel.extend({ info: KernelInfo }) },
  /** Idle or busy, coalesced. */
  activity: {
    pattern: 'fact.activity',
    schema: OneKernel.extend({ state: z.enum(['idle', 'busy', 'restarting', 'starting']), at: Instant }),
  },
  /** The kernel's process ended, or its agent is gone (`agentLost`; the incarnation is null then). */
  kernelExited: {
    pattern: 'fact.kernel-exited',
    schema: OneKernel.extend({
      incarnation: z.int().nullable(),
      code: z.int().nullable(),
      signal: z.int().nullable(),
      outOfMemory: z.boolean(),
      agentLost: z.boolean(),
    }),
  },
  launchFailed: {
    pattern: 'fact.launch-failed',
    schema: OneKernel.extend({ detail: z.string(), reason: z.enum(['image-pull', 'unschedulable']).optional() }),
  },
} as const;
type OfOneKernel = Exclude<keyof typeof LauncherFacts, 'launcherUp' | 'nodes' | 'nodesChanged' | 'hindered'>;
/** Those of one kernel. */
export type LauncherFact = {
  [K in OfOneKernel]: { kind: K } & z.infer<(typeof LauncherFacts)[K]['schema']>;
}[OfOneKernel];

/** Gatekeeper → every gateway, from the outbox after the commit, in commit order. */
export const GatekeeperEvents = {
  kernelChanged: { pattern: 'event.kernel-changed', schema: z.object({ kernel: Kernel }) },
  kernelInterrupted: { pattern: 'event.kernel-interrupted', schema: z.object({ kernelId: KernelId }) },
  tokenRevoked: { pattern: 'event.token-revoked', schema: z.object({ id: z.string(), at: Instant }) },
} as const;

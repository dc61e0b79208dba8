import type { NodeAvailability, NodeSpec } from '../placement/node-state.js';
import type { ShapeRequest } from '../placement/shape.js';

/*
 * What the core is told, as plain data: survives JSON. Amounts are integers (milli, bytes), times integer milliseconds
 * since the epoch, durations integer milliseconds.
 */

/** One quota of a queue or a cohort for one resource of one flavor. */
export interface Quota {
  /** Its own. */
  nominal: number;
  /** So much more of what others lend; null: all that they lend. */
  borrowLimit: number | null;
  /** So much of the own that others may use; null: all. */
  lendLimit: number | null;
}

/** The resources that quotas are for: the axes of `Amounts`, in this order. */
export const AXES = ['gpuMilli', 'cpuMilli', 'memoryBytes'] as const;
export type Axis = (typeof AXES)[number];

/** By flavor, then resource. What is absent is nominal 0; a queue borrows nothing of it, a cohort passes it on. */
export type Quotas = Readonly<Record<string, Readonly<Partial<Record<Axis, Quota>>>>>;

/** Queues and cohorts that share what they do not use. */
export interface CohortConfig {
  name: string;
  /** Null: a root. */
  parent: string | null;
  /** > 0, among its siblings. */
  weight: number;
  quotas: Quotas;
}

/** What one user or one project may hold at once in one queue; null: as much as the queue. */
export interface Cap {
  workloads: number | null;
  gpuMilli: number | null;
}

/** `hold`: nothing starts. `drain`: nor is anything taken into the line. Neither ends what runs. */
export type QueueState = 'open' | 'hold' | 'drain';

export interface QueueConfig extends CohortConfig {
  state: QueueState;
  perUser: Cap;
  perProject: Cap;
}

export interface ClassConfig {
  name: string;
  /** Higher goes first. */
  rank: number;
  /** Each time so much has passed the workload counts as one of the next class up, never as one of the highest. */
  maxWaitMs: number;
  evict: 'never' | 'reclaim' | 'requeue';
  minRuntimeMs: number;
  /** What has no wall limit is planned to hold its place so long. > 0 */
  leaseMs: number;
}

/** Capacity that is kept for its owner in [from, to). */
export interface ReservationConfig {
  id: string;
  flavor: string;
  amounts: Readonly<Record<Axis, number>>;
  owner: { kind: 'queue' | 'project' | 'user'; name: string };
  from: number;
  to: number;
}

export interface CoreConfig {
  /** Names; each node is of one. */
  flavors: readonly string[];
  cohorts: readonly CohortConfig[];
  queues: readonly QueueConfig[];
  classes: readonly ClassConfig[];
  reservations: readonly ReservationConfig[];
  /** Of past usage. */
  halfLifeMs: number;
  /** Heads per flavor that nothing may delay; 0: whatever fits starts. */
  protectedHeads: number;
}

export interface CoreWorkload {
  id: string;
  queue: string;
  user: string;
  project: string;
  class: string;
  /** -50 to 50, higher goes first. */
  offset: number;
  /** Tried in this order. */
  flavors: readonly string[];
  request: ShapeRequest;
  /** Ends by itself after so long; null: it does not, its class's lease is planned with. */
  wallMs: number | null;
  submittedAt: number;
  /** Null: busy, or nobody has said. */
  lastBusyAt: number | null;
  evictions: number;
}

export type CoreEvent =
  | { kind: 'submitted'; workload: CoreWorkload }
  /** Ended, or left the line. */
  | { kind: 'released'; id: string }
  | { kind: 'idle'; id: string; since: number }
  | { kind: 'busy'; id: string }
  | { kind: 'node-added'; flavor: string; node: NodeSpec }
  /** With all that ran there. */
  | { kind: 'node-removed'; id: string }
  | { kind: 'node-changed'; id: string; availability: NodeAvailability }
  | { kind: 'configured'; config: CoreConfig }
  | { kind: 'tick' };

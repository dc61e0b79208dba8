import type { NodeAvailability, NodeSpec } from '../placement/node-state.js';
import type { ShapeRequest } from '../placement/shape.js';
import type { TypicalSet } from '../placement/typical-set.js';

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

/** For whom a queue bounds what one may hold. */
export const CAPPED = ['user', 'project', 'instrument'] as const;
export type Capped = (typeof CAPPED)[number];

/** What one may hold at once in one queue, over all flavors; what is absent is as much as the queue. */
export type Cap = Readonly<Partial<Record<'workloads' | Axis, number | undefined>>>;

/** `hold`: nothing starts. `drain`: nor is anything taken into the line. Neither ends what runs. */
export type QueueState = 'open' | 'hold' | 'drain';

export interface QueueConfig extends CohortConfig {
  state: QueueState;
  caps: Readonly<Partial<Record<Capped, Cap | undefined>>>;
}

/** `reclaim`: ended for good where it is idle. `requeue`: ended whatever it does, and put back into its queue. */
export type Eviction = 'never' | 'reclaim' | 'requeue';

export interface ClassConfig {
  name: string;
  /** Higher goes first. */
  rank: number;
  /** Each time so much has passed the workload counts as one of the next class up, never as one of the highest. */
  maxWaitMs: number | null;
  evict: Eviction;
  minRuntimeMs: number;
  /** What has no wall limit is planned to hold its place so long, again and again. > 0 */
  leaseMs: number;
  /** Idle so long at least, it may be reclaimed. */
  idleMs: number;
  /** Of past usage. */
  halfLifeMs: number;
}

/** Capacity that is kept for its owner in [from, to). */
export interface ReservationConfig {
  id: string;
  flavor: string;
  amounts: Readonly<Record<Axis, number>>;
  /** Who may use it: those of whom all that is named holds. */
  owner: Readonly<Partial<Record<'queue' | Capped, string>>>;
  from: number;
  to: number;
  /** So long before `from` those are warned who will have to go. */
  leadMs: number;
  /** So long after `from` what is not used is lent to work that may be evicted. */
  graceMs: number;
}

/** Spares that wait for the kernels of one environment on one flavor. */
export interface PoolConfig {
  environment: string;
  flavor: string;
  /** What one spare holds, and whoever takes it asks for; devices are given to it when it is taken. */
  request: Readonly<{ cpuMilli: number; memoryBytes: number }>;
  min: number;
  max: number;
  /** Chance, in [0, 1), that no more are asked for while a spare is replaced than there are spares. */
  target: number;
  /** How long it takes to replace a spare. */
  coldStartMs: number;
  budget: Readonly<Partial<Record<Axis, number>>>;
}

export interface CoreConfig {
  /** Names; each node is of one. */
  flavors: readonly string[];
  cohorts: readonly CohortConfig[];
  queues: readonly QueueConfig[];
  classes: readonly ClassConfig[];
  reservations: readonly ReservationConfig[];
  pools: readonly PoolConfig[];
  /** Heads per flavor that nothing may delay; 0: whatever fits starts. */
  protectedHeads: number;
  /** Between the warning and the end of one that is evicted. */
  graceMs: number;
  /** What may be evicted in any one minute; absent: no bound. */
  evictedPerMinute: Readonly<Partial<Record<Axis, number>>>;
}

export interface CoreWorkload {
  id: string;
  queue: string;
  user: string;
  project: string | null;
  instrument: string | null;
  class: string;
  /** -50 to 50, higher goes first. */
  offset: number;
  /** Tried in this order. */
  flavors: readonly string[];
  request: ShapeRequest;
  /** Of which spares it may take one; null: of none. */
  environment: string | null;
  /** Ends by itself after so long; null: it does not, its class's lease is planned with. */
  wallMs: number | null;
  submittedAt: number;
  /** How often it was evicted before. */
  evictions: number;
}

export type CoreEvent =
  | { kind: 'submitted'; workload: CoreWorkload }
  /**
   * Runs already: told when the state is made anew. On a node that is not there it is not booked; where it does not fit, or
   * nobody knows where it runs (null), it is booked where there is room, or held of the sum alone.
   */
  | { kind: 'running'; workload: CoreWorkload; place: RunningPlace | null; startedAt: number; pays?: boolean }
  /** Ended, or left the line. */
  | { kind: 'released'; id: string }
  | { kind: 'idle'; id: string; since: number }
  | { kind: 'busy'; id: string }
  /** Its user wants it kept though it is idle. */
  | { kind: 'kept'; id: string }
  | { kind: 'node-added'; flavor: string; node: NodeSpec }
  /** With all that ran there. */
  | { kind: 'node-removed'; id: string }
  | { kind: 'node-changed'; id: string; availability: NodeAvailability }
  | { kind: 'configured'; config: CoreConfig }
  /** What work usually looks like, by what was admitted of late: placement leaves room for it from now on. */
  | { kind: 'typical'; shapes: TypicalSet }
  | { kind: 'tick' };

/** Where one runs, as a `start` said. */
export interface RunningPlace {
  flavor: string;
  node: string;
  devices: readonly number[];
  migStart?: number;
}

import type { KernelId, PriorityClass, Resources } from '#libs/contracts';

/** What may be booked. Ranks order the priority classes: higher goes first. */
export interface Limits {
  cpuMilli: number;
  memoryBytes: number;
  /** Kernels at once. */
  maxKernels: number;
  maxKernelsPerUser: number;
  classRanks: Readonly<Record<string, number>>;
  /** Absent: no kernel is ended for the sake of those that wait. */
  reclaim?: Reclaim;
}

/** When a kernel may be ended for the sake of those that wait. */
export interface Reclaim {
  enabled: boolean;
  /** Idle so long at least. */
  idleSeconds: number;
}

/** Something that asks for a place: one kernel. */
export interface Workload {
  id: KernelId;
  user: string;
  priorityClass: PriorityClass;
  requests: Resources;
  /** Milliseconds since the epoch; decides the order inside a class. */
  submittedAt: number;
}

/** A workload that has its place. */
export interface Held extends Workload {
  /** Milliseconds since the epoch; null: in use, or nobody has said. */
  idleSince: number | null;
  /** Its place is needed for one that waits. */
  wanted: boolean;
  /** Its user was told that it ends then, unless it is used before. */
  warnedUntil: number | null;
}

/**
 * All that the core knows. It belongs to `step`, which changes it in place: others read it between steps, and copy it by
 * `snapshot` and `restore`.
 */
export interface CoreState {
  readonly limits: Limits;
  /** In the order in which they are looked at. */
  waiting: Workload[];
  /** Hold a place, from admission to the end. */
  readonly running: Map<KernelId, Held>;
  readonly used: { cpuMilli: number; memoryBytes: number };
  readonly runningOfUser: Map<string, number>;
}

/** The state as plain data: survives JSON. */
export interface CoreSnapshot {
  limits: Limits;
  waiting: Workload[];
  running: Held[];
}

export const emptyState = (limits: Limits): CoreState => ({
  limits,
  waiting: [],
  running: new Map(),
  used: { cpuMilli: 0, memoryBytes: 0 },
  runningOfUser: new Map(),
});

export const snapshot = (state: CoreState): CoreSnapshot =>
  structuredClone({ limits: state.limits, waiting: state.waiting, running: [...state.running.values()] });

export function restore({ limits, waiting, running }: CoreSnapshot): CoreState {
  const state = { ...emptyState(limits), waiting: [...waiting] };
  for (const { idleSince, wanted, warnedUntil, ...workload } of running) {
    Object.assign(book(state, workload), { idleSince, wanted, warnedUntil });
  }
  return state;
}

/** Gives a workload its place. */
export function book(state: CoreState, workload: Workload): Held {
  const held = { ...workload, idleSince: null, wanted: false, warnedUntil: null };
  state.running.set(workload.id, held);
  state.used.cpuMilli += workload.requests.cpuMilli;
  state.used.memoryBytes += workload.requests.memoryBytes;
  state.runningOfUser.set(workload.user, (state.runningOfUser.get(workload.user) ?? 0) + 1);
  return held;
}

/** Takes a place back. */
export function unbook(state: CoreState, { id, user, requests }: Workload): void {
  state.running.delete(id);
  state.used.cpuMilli -= requests.cpuMilli;
  state.used.memoryBytes -= requests.memoryBytes;
  const left = (state.runningOfUser.get(user) ?? 0) - 1;
  if (left > 0) state.runningOfUser.set(user, left);
  else state.runningOfUser.delete(user);
}

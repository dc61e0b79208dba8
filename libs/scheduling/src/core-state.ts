import type { KernelId, PriorityClass, Resources } from '#libs/contracts';

/** What may be booked. Ranks order the priority classes: higher goes first. */
export interface Limits {
  cpuMilli: number;
  memoryBytes: number;
  /** Kernels at once. */
  maxKernels: number;
  maxKernelsPerUser: number;
  classRanks: Readonly<Record<string, number>>;
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

/**
 * All that the core knows. It belongs to `step`, which changes it in place: others read it between steps, and copy it by
 * `snapshot` and `restore`.
 */
export interface CoreState {
  readonly limits: Limits;
  /** In the order in which they are looked at. */
  waiting: Workload[];
  /** Hold a place, from admission to the end. */
  readonly running: Map<KernelId, Workload>;
  readonly used: { cpuMilli: number; memoryBytes: number };
  readonly runningOfUser: Map<string, number>;
}

/** The state as plain data: survives JSON. */
export interface CoreSnapshot {
  limits: Limits;
  waiting: Workload[];
  running: Workload[];
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
  for (const workload of running) book(state, workload);
  return state;
}

/** Gives a workload its place. */
export function book(state: CoreState, workload: Workload): void {
  state.running.set(workload.id, workload);
  state.used.cpuMilli += workload.requests.cpuMilli;
  state.used.memoryBytes += workload.requests.memoryBytes;
  state.runningOfUser.set(workload.user, (state.runningOfUser.get(workload.user) ?? 0) + 1);
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

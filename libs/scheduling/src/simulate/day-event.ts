/** What a kernel or job holds while it runs. */
export interface DayRequest {
  /** Of the devices of the flavor; 1000 is one whole device, more are whole devices. */
  readonly gpuMilli: number;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** One cell of a notebook: its user thinks, then it runs. */
export interface DayCell {
  readonly thinkMs: number;
  readonly busyMs: number;
}

interface Submission {
  /** Milliseconds since the day's midnight: when it is asked for, not when it starts. */
  readonly at: number;
  /** Unique in its day. */
  readonly id: string;
  readonly user: string;
  readonly request: DayRequest;
}

/**
 * Somebody asks for a kernel. What follows is relative, so that a kernel that starts late shifts it: from the kernel's
 * start on its cells one after the other, then the user leaves.
 */
export interface SessionEvent extends Submission {
  readonly kind: 'session';
  readonly cells: readonly DayCell[];
  /** The user shuts the kernel down on leaving; otherwise it stays, idle, until it is culled or reclaimed. */
  readonly shutsDown: boolean;
}

/** A job that runs by itself for `runMs`, unknown to the scheduler, which knows the limit. */
interface JobEvent extends Submission {
  readonly runMs: number;
  readonly wallLimitMs: number;
}

/** The reduction of a scan that has just been taken. */
export interface BeamlineEvent extends JobEvent {
  readonly kind: 'beamline';
}

/** One of the many jobs of the night. */
export interface ReprocessingEvent extends JobEvent {
  readonly kind: 'reprocessing';
}

/** A line of a day's log: something is asked for. What the scheduler makes of it is the simulation's to tell. */
export type DayEvent = SessionEvent | BeamlineEvent | ReprocessingEvent;

import type { Ending, EndReason, KernelPlace, LauncherFact } from '#libs/contracts';

type FactFields<K extends LauncherFact['kind']> = Omit<Extract<LauncherFact, { kind: K }>, 'kernelId'>;

/** What can happen to a kernel: decisions of ours, wishes of its owner, facts of the launcher. */
export type Happening =
  /** The core gave it its place; `warm`: a spare's. */
  | { kind: 'admitted'; place?: KernelPlace | null; warm?: boolean }
  /** It was evicted, and enters its queue again. */
  | { kind: 'requeued' }
  /** The launcher has taken the launch. */
  | { kind: 'launchTaken' }
  | { kind: 'stopAsked'; reason: EndReason; detail: string }
  | { kind: 'restartAsked' }
  /** Its user is told that it will end, unless it is used. */
  | { kind: 'warned'; ending: Ending }
  /** The end that was told will not come. */
  | { kind: 'spared' }
  /** Its owner wants it to stay. */
  | { kind: 'kept' }
  /** No answer of the kernel within its launch timeout. */
  | { kind: 'launchTimedOut' }
  | FactFields<'agentUp'>
  | FactFields<'kernelReady'>
  | FactFields<'activity'>
  /** `again`: it is to be started again by itself, where its agent lives. */
  | (FactFields<'kernelExited'> & { again?: boolean })
  | FactFields<'launchFailed'>;

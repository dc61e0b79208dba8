import type { Batch, Message } from '#libs/store';

/** A batch of nothing but these changes. */
export const aBatch = (changes: Partial<Batch> = {}): Batch => ({
  kernels: [],
  kernelInfos: [],
  sessions: [],
  deletedSessions: [],
  deletedSessionsOf: [],
  tokens: [],
  outbox: [],
  delivered: [],
  input: null,
  ...changes,
});

/** A command of the outbox that can be told from others. */
export const aLaunchMessage = (n: number): Message => ({
  destination: 'launcher',
  pattern: 'launcher.launch',
  payload: { n },
});

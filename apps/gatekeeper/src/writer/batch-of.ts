import { GatekeeperEvents, type Kernel } from '#libs/contracts';
import type { Batch, Message } from '#libs/store';
import type { Changes } from './changes.js';

const changedMessage = (kernel: Kernel): Message => ({
  destination: 'gateways',
  pattern: GatekeeperEvents.kernelChanged.pattern,
  payload: { kernel },
});

/** Each changed kernel is told once per commit, as the commit leaves it. */
export function batchOf(changes: Changes, delivered: readonly number[]): Batch {
  const kernels = [...changes.kernels.values()];
  const sessions = [...changes.sessions];
  return {
    kernels,
    kernelInfos: [...changes.kernelInfos.values()],
    sessions: sessions.flatMap(([, session]) => session ?? []),
    deletedSessions: sessions.filter(([, session]) => session === null).map(([id]) => id),
    deletedSessionsOf: [...changes.sessionlessKernels],
    tokens: [...changes.tokens.values()],
    received: changes.received,
    outbox: [...changes.messages, ...kernels.filter(({ id }) => changes.notable.has(id)).map(changedMessage)],
    delivered,
    shares: changes.shares,
    scheduling: changes.scheduling,
    input: changes.input,
  };
}

/** News that need not outlive us: the next of its kind replaces it. */
export const passingNews = (changes: Changes): Message[] =>
  [...changes.kernels.values()].filter(({ id }) => !changes.notable.has(id)).map(changedMessage);

import type { Candidate } from './candidate.js';

/** Of the time that a workload asks for, and of its maxWait: so much it waits before shorter ones may delay it no more. */
const OF_DURATION = 1 / 2;
const OF_MAX_WAIT = 1 / 4;

/**
 * Whether shorter ones of its rank may still go before a head. One that asks for two days can wait an hour for those that
 * ask for minutes; protected from the start, it would leave what it waits for idle.
 */
export const isYoung = ({ submittedAt, durationMs, maxWaitMs }: Candidate, now: number): boolean =>
  now - submittedAt < Math.min(OF_MAX_WAIT * maxWaitMs, OF_DURATION * durationMs);

/** Whether it has waited so long that no shorter one of its rank goes before it. */
export const isOverdue = ({ submittedAt, maxWaitMs }: Candidate, now: number): boolean =>
  now - submittedAt >= maxWaitMs;

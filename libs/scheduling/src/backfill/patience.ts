import type { Candidate } from './candidate.js';

/** Of what a workload asks for, it waits so much before shorter ones of its rank may delay it no more. */
const PATIENCE = 0.5;

/**
 * Whether shorter ones of its rank may still go before a head. One that asks for two days can wait an hour for those that
 * ask for minutes; protected from the start, it would leave what it waits for idle.
 */
export const isYoung = ({ submittedAt, durationMs, maxWaitMs }: Candidate, now: number): boolean =>
  now - submittedAt < Math.min(maxWaitMs, PATIENCE * durationMs);

/** Whether it has waited so long that no shorter one of its rank goes before it. */
export const isOverdue = ({ submittedAt, maxWaitMs }: Candidate, now: number): boolean =>
  now - submittedAt >= maxWaitMs;

import { z } from 'zod';
import { AuditRow, SchedulingChange, SchedulingConfig, SchedulingState } from '#libs/contracts';
import { LogHeader, LogStep } from '#libs/scheduling';
import type { Operation } from './operation.js';

/** Every call of `/v1/admin`; all are for the role `admin`. */
export const adminOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/admin/state',
    summary: 'Queues, flavors, and all that waits or runs, with why it waits',
    answers: { 200: ['What is there', SchedulingState], 403: ['You are no admin'] },
  },
  {
    method: 'get',
    path: '/v1/admin/audit',
    summary: 'Changes of the configuration of scheduling, newest first: who, when, what',
    query: { limit: 'at most so many; 100' },
    answers: { 200: ['The changes', z.object({ audit: z.array(AuditRow) })], 403: ['You are no admin'] },
  },
  {
    method: 'get',
    path: '/v1/admin/log',
    summary:
      'What the scheduling core was given, one JSON object a line, for `beamgate simulate`: a header, then each step, the first with the state that it began with',
    query: { from: 'ISO 8601; steps from before lead to the state of then', to: 'ISO 8601; steps from before then' },
    type: 'application/x-ndjson',
    answers: {
      200: ['The steps', z.union([LogHeader, LogStep])],
      403: ['You are no admin'],
      422: ['`from` or `to` can not be read'],
    },
  },
  {
    method: 'get',
    path: '/v1/admin/{section}',
    summary:
      'The configuration of scheduling (`scheduling`), or a section of it: queues, flavors, cohorts, priority-classes, reservations, pools, policies; its version is the ETag',
    answers: { 200: ['As it holds', SchedulingConfig], 403: ['You are no admin'], 404: ['No such section'] },
  },
  {
    method: 'put',
    path: '/v1/admin/{section}',
    summary: 'Change it while it runs; If-Match names the version that you saw, or * for any',
    query: { dryRun: '`true`: say what would become of it, and change nothing' },
    body: SchedulingConfig,
    answers: {
      200: ['What changed, and what the scheduler makes of it', SchedulingChange],
      403: ['You are no admin'],
      404: ['No such section'],
      412: ['Another change came before'],
      422: ['It can not hold: every fault by its path; nothing was changed'],
      428: ['If-Match is missing'],
    },
  },
  {
    method: 'post',
    path: '/v1/admin/queues/{name}/{verb}',
    summary: 'hold, drain, release or open a queue',
    answers: { 200: ['What changed', SchedulingChange], 403: ['You are no admin'], 404: ['No such queue, or verb'] },
  },
];

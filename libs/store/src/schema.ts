import type { Generated } from 'kysely';

/** Columns hold text and integers only, so that SQLite and PostgreSQL read alike; instants are ms since the epoch. */
export interface Schema {
  kernels: KernelTable;
  kernel_infos: KernelInfoTable;
  sessions: SessionTable;
  tokens: TokenTable;
  outbox: OutboxTable;
  inbox: InboxTable;
  input_log: InputLogTable;
  shares: SharesTable;
  scheduling_config: SchedulingConfigTable;
  leader: LeaderTable;
}

export interface KernelTable {
  id: string;
  revision: number;
  owner: string;
  actor: string;
  token_id: string | null;
  kernelspec: string;
  project: string | null;
  instrument: string | null;
  priority_class: string;
  /** JSON of Resources. */
  requests: string;
  /** JSON of LaunchSpec. */
  launch: string;
  /** JSON of CullLimits. */
  culling: string;
  /** JSON of KernelScheduling. */
  scheduling: string;
  phase: string;
  end_reason: string | null;
  detail: string;
  execution_state: string;
  incarnation: number;
  submitted_at: number;
  admitted_at: number | null;
  ready_at: number | null;
  ended_at: number | null;
  last_activity_at: number;
  /** JSON of Ending. */
  ending: string | null;
  /** JSON of AgentEndpoint. */
  endpoint: string | null;
}

export interface KernelInfoTable {
  environment: string;
  /** JSON of KernelInfo. */
  info: string;
}

export interface SchedulingConfigTable {
  version: number;
  at: number;
  actor: string;
  action: string;
  /** JSON of what differs from the version before. */
  changes: string;
  /** JSON of SchedulingConfig. */
  config: string;
}

/** One row: past use, which later starts were added to since. */
export interface SharesTable {
  id: number;
  at: number;
  /** JSON, of the core. */
  shares: string;
}

export interface SessionTable {
  id: string;
  owner: string;
  path: string;
  name: string;
  type: string;
  kernel_id: string;
}

export interface TokenTable {
  id: string;
  user_name: string;
  /** JSON arrays. */
  scopes: string;
  groups: string;
  act_as: string;
  note: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

export interface OutboxTable {
  seq: Generated<number>;
  destination: string;
  pattern: string;
  /** JSON. */
  payload: string;
}

export interface InputLogTable {
  seq: Generated<number>;
  epoch: number;
  at: number;
  /** JSON array of the core's events. */
  events: string;
  /** JSON of what the core knew before them; null: what the row before left. */
  origin: string | null;
}

/** Messages of the bus whose effect is written, so that one delivered again has no second. */
export interface InboxTable {
  id: string;
  at: number;
}

/** One row: whose commits count. */
export interface LeaderTable {
  id: number;
  epoch: number;
  /** Who leads, for people. */
  holder: string;
  /** Until then nobody else takes the lead; by the clock of the database. */
  expires_at: number;
  /** Commits so far, of all leaders. */
  commits: number;
}

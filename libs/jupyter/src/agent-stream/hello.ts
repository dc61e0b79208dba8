import { type SpokenVersions, STREAM_VERSIONS } from './frames.js';

/** How to reach the agent and as whom. */
export type AgentStreamOptions = AgentAddress & AgentRole;

export interface AgentAddress {
  /** Path of a unix socket; `address:port` where there is `tls`. */
  socket: string;
  /** PEM. Both sides show this certificate and take no other. */
  tls?: { certificate: string; key: string } | undefined;
  /** What is spoken; absent: `STREAM_VERSIONS`. */
  versions?: SpokenVersions;
}

type AgentRole =
  | ({ token: string; role: 'client' } & ClientPosition)
  /** May call and gets no output, so the agent keeps none for it. */
  | { token: string; role: 'client'; session?: never }
  | {
      token: string;
      role: 'control';
      /** Fences: the agent refuses a control stream whose term is lower than the highest it saw. */
      term: number;
    };

/** Which session of the kernel, and what its client saw. */
export interface ClientPosition {
  /** The Jupyter session id of the client's socket. */
  session: string;
  /** Id of the ring that `seen` counts in; in another ring `seen` means nothing. */
  epoch?: string | undefined;
  /** Highest ring number that the client has; everything after it is sent. Absent: from what was acknowledged. */
  seen?: number | undefined;
  /** The session ends with this stream, and nothing is kept for it. */
  ephemeral?: boolean;
  /** When the client's socket was opened, ms: of two streams of one session the later one stays. Absent: the last to come. */
  since?: number;
  /** A later stream of the session is elsewhere: this one only hands over what was asked, in frames of number 0. */
  stale?: boolean;
  /** The client was there before the kernel: the session is new, and begins with the kernel's first word. */
  waited?: boolean;
}

/** The agent's first frame. */
export interface Welcome {
  /** The newest version that both sides speak. */
  v: number;
  /** Id of the ring; another one means another agent process. */
  epoch: string;
  /** Oldest and newest ring number held. */
  first: number;
  last: number;
  /** Ring number after which this session is sent what comes; absent: from an older agent. */
  from?: number;
  /** Highest input number of this session that the agent took. */
  inputLast: number;
  state: string;
  pid: number | null;
  claimed: boolean;
  /** Whether the kernel's process has come as far as it can without a claim. */
  initialised: boolean;
  /** Counts the processes that the kernel had here, from 0. */
  incarnation: number;
  /** To a session: a later stream of it is elsewhere, and this one is owed nothing. Absent: from an older agent. */
  stale?: boolean;
  /** To a session: header of the last execution that it asked for and that is not silent; null where there was none. */
  lastCell?: Record<string, unknown> | null;
}

/** Why the agent ends the stream: `bad_version` (none is spoken by both), `bad_token`, `fenced`, `replaced`, `too_large`, `bad_frame`. */
export interface Bye {
  code: string;
  reason: string;
}

/** An agent event: `ready`, `exit`, `activity`, `dropped`, `paused`, `resumed`, … with its own fields. */
export interface AgentEvent {
  event: string;
  [field: string]: unknown;
}

export function helloOf(options: AgentStreamOptions): object {
  const { token, role, versions: { oldest, newest } = STREAM_VERSIONS } = options;
  // An agent of before there were two takes the oldest, and knows of no other.
  const versions = { v: oldest, ...(newest > oldest ? { upTo: newest } : {}) };
  if (role === 'control') return { ...versions, token, role, term: options.term };
  if (options.session === undefined) return { ...versions, token, role };
  const { session, epoch, seen, ephemeral, since, stale, waited } = options;
  return {
    ...versions,
    token,
    role,
    session,
    // An epoch says which ring the number is of.
    ...(seen === undefined ? {} : { seen }),
    ...(seen === undefined || epoch === undefined ? {} : { epoch }),
    ...(ephemeral ? { ephemeral } : {}),
    ...(since === undefined ? {} : { since }),
    ...(stale ? { stale } : {}),
    ...(waited ? { waited } : {}),
  };
}

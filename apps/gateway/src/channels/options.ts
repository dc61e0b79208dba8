/** What the channel relay takes from the configuration. */
export interface ChannelOptions {
  /** Path prefix of every URL; starts and ends with a slash. */
  baseUrl: string;
  /** Input kept per socket while its kernel waits, bytes. */
  pendingBytes: number;
  /** Largest message of a client, bytes. */
  maxMessageBytes: number;
  /** Ping of a quiet socket, seconds; three without a pong end it. */
  pingIntervalSeconds: number;
  /** A client that takes nothing of what waits for it is ended after this, seconds. */
  stalledSeconds: number;
  /** Malformed messages in a row that end a socket. */
  maxMalformed: number;
  /** Sockets at once: in all, to the kernels of one owner, to one kernel. */
  sockets: { all: number; perUser: number; perKernel: number };
  /** A socket outlives its token by this at most, seconds. */
  expiryToleranceSeconds: number;
  /** How long sockets are given to close when the service stops, seconds. */
  drainSeconds: number;
  /** How long the end of a kernel is told to those who connect after it, seconds. */
  endedVisibleSeconds: number;
  timing?: Partial<ChannelTiming>;
}
export const CHANNEL_OPTIONS = Symbol('ChannelOptions');

/** Waits of the relay, milliseconds. */
export interface ChannelTiming {
  /** A cell must wait this long before the notebook is told why. */
  noticeAfter: number;
  /** Between two looks at a wait that somebody watches. */
  explainEvery: number;
  /** Quiet after which what was sent is asked to be confirmed. */
  confirmQuiet: number;
  /** How long the end of a kernel may wait for its last output. */
  drain: number;
  /** How long the socket of an ended kernel still answers before it is closed. */
  linger: number;
  /** First and longest wait between attempts to reach a living agent. */
  retryFirst: number;
  retryMost: number;
  /** How long a socket whose session was opened again may still speak. */
  setAside: number;
  /** Between asking a client to close and ending its connection. */
  closeGrace: number;
}

export const DEFAULT_TIMING: ChannelTiming = {
  noticeAfter: 500,
  explainEvery: 2000,
  confirmQuiet: 20,
  drain: 500,
  linger: 60_000,
  retryFirst: 50,
  retryMost: 1000,
  // JupyterLab sends its first cell 3 s after a question that nobody answered.
  setAside: 5000,
  closeGrace: 1000,
};

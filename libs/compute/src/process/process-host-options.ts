import type { ProcessCommand, ResourceLimits } from '#libs/contracts';

/** Takes one line per state change; a pino logger is one. */
export interface HostLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Longest `from` prefix of what a client asks for is replaced by `to`; `{user}` in both is the owner. */
export interface WorkingDirectoryRule {
  from: string;
  to: string;
}

export interface PoolSize {
  /** Warm kernels kept ready however little they are asked for. */
  floor: number;
  /** Warm kernels kept ready at most. */
  ceiling: number;
}

/** A Python whose kernels are forked from a process that has imported ipykernel, and more, once. */
export interface TemplateOptions {
  python: string;
  /** Modules to import besides. */
  preload: readonly string[];
}

/** Kernels that are started before anybody asks for them. */
export interface PoolOptions extends PoolSize {
  /** Of the kernelspec. */
  name: string;
  /** Of a Python with a template, or of a kernel that can be claimed. */
  command: ProcessCommand;
  /** Of its warm kernels; who asks for others gets a cold one. */
  limits: ResourceLimits;
}

export interface ProcessHostOptions {
  /** Data folder: records, logs and, where its path is short enough, sockets lie in it. */
  data: string;
  /** Path of the agent's `__main__.py`. */
  agent: string;
  /** Interpreter (≥ 3.11) that runs agents. */
  python: string;
  templates: readonly TemplateOptions[];
  pools: readonly PoolOptions[];
  /** Warm kernels of all pools together, at most. */
  poolBudget: number;
  /** Variables that every kernel gets; the kernel's own go before them. */
  inherited: Readonly<Record<string, string>>;
  workingDirectories: readonly WorkingDirectoryRule[];
  /** Folder of kernels that name none; `{user}` is the owner; empty: `work/{user}` in the data folder. */
  defaultWorkingDirectory: string;
  /** Limit by cgroup where one can be written; else the agent watches and kills. */
  cgroups: boolean;
  /** Output kept per kernel for clients that return. */
  ringBytes: number;
  /** How long the output of a gone session is kept. */
  retentionSeconds: number;
  /** An agent without a claim and without a launcher ends after this. */
  unclaimedSeconds: number;
  /** An idle kernel without any connection ends after this. */
  orphanSeconds: number;
  /** How long an agent stays after its kernel crashed, so that clients get the rest of the output. */
  lingerSeconds: number;
  log: HostLog;
}

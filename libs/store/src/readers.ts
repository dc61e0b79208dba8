import type { Kernel, KernelId, KernelInfo, SessionRow, TokenRow } from '#libs/contracts';

/** What a gateway may read. Another owner's rows are filtered here, so that no controller can forget to. */
export interface KernelReader {
  find(id: KernelId): Promise<Kernel | undefined>;
  /** Kernels whose owner or actor is `user`; ended ones only while `endedAfter` (ms) ≤ their end. Oldest first. */
  listVisible(user: string, endedAfter: number): Promise<Kernel[]>;
  listAll(endedAfter: number): Promise<Kernel[]>;
  /** What kernels of this one's environment say of themselves; undefined where none has run yet. */
  infoFor(kernel: Pick<Kernel, 'kernelspec' | 'launch'>): Promise<KernelInfo | undefined>;
}

export interface SessionReader {
  find(id: string): Promise<SessionRow | undefined>;
  listOwned(owner: string): Promise<SessionRow[]>;
}

export interface TokenReader {
  find(id: string): Promise<TokenRow | undefined>;
  list(): Promise<TokenRow[]>;
}

/** One step of the scheduling core. */
export interface LoggedInput {
  /** Grows with each. */
  seq: number;
  /** Of the gatekeeper that made the step. */
  epoch: number;
  /** Its time, ms. */
  at: number;
  /** What the core knew before, as plain data; null: what the step before left. */
  origin: unknown;
  /** What it was told, as plain data. */
  events: readonly unknown[];
}

export interface InputLogReader {
  /** Steps of before `to` in their order, from the newest one with an origin on that is not after `from`, else the oldest. */
  rows(from: number, to: number): AsyncIterable<LoggedInput>;
}

/** What a gateway opens. */
export interface Readers {
  kernels: KernelReader;
  sessions: SessionReader;
  tokens: TokenReader;
  inputLog: InputLogReader;
  close(): Promise<void>;
}

export const KERNEL_READER = Symbol('KernelReader');
export const SESSION_READER = Symbol('SessionReader');
export const TOKEN_READER = Symbol('TokenReader');
export const INPUT_LOG_READER = Symbol('InputLogReader');

import type { AuditRow, Kernel, KernelId, KernelInfo, SchedulingDocument, SessionRow, TokenRow } from '#libs/contracts';
import type { KernelReader, SessionReader, TokenReader } from './readers.js';
import type { SchedulingVersion } from './repositories/scheduling-config.repository.js';

/** Who an outbox entry is for: every gateway, or the launcher. */
export type Destination = 'gateways' | 'launcher';

/** Something to be told after the commit that decided it. */
export interface Message {
  destination: Destination;
  pattern: string;
  payload: Readonly<Record<string, unknown>>;
}

/** A message on disk; `seq` grows in commit order. Delivered at least once, then removed. */
export interface OutboxEntry extends Message {
  seq: number;
}

/** What one step of the scheduling core was given, for replay. */
export interface CoreInput {
  /** Its time, ms. */
  at: number;
  events: readonly unknown[];
  /** JSON of what the core knew before, which may be large; absent: what the step before left. */
  origin?: string;
}

/** What a kernel asked for that got its place; its last one, where it had several. */
export type Admission = Pick<Kernel, 'project' | 'requests' | 'scheduling'> & { id: string; at: number };

/** All that one step of the gatekeeper changes: written whole or not at all. */
export interface Batch {
  /** Whole rows, new or changed. */
  kernels: readonly Kernel[];
  /** What a kernel of that environment says of itself. */
  kernelInfos: readonly { of: Pick<Kernel, 'kernelspec' | 'launch'>; info: KernelInfo }[];
  sessions: readonly SessionRow[];
  deletedSessions: readonly string[];
  /** Kernels that ended for good: the sessions on them go. */
  deletedSessionsOf: readonly KernelId[];
  tokens: readonly TokenRow[];
  outbox: readonly Message[];
  /** Outbox entries that have been delivered. */
  delivered: readonly number[];
  /** Messages of the bus that this is the effect of: id, and when it came, ms. */
  received?: readonly { id: string; at: number }[];
  /** What the scheduling core was given; null where it was given nothing. */
  input: CoreInput | null;
  /** Past use, where it is to be stored anew. */
  shares?: { at: number; shares: unknown } | null;
  /** A new version of the configuration of scheduling. */
  scheduling?: SchedulingVersion | null;
}

/** Another gatekeeper leads now: nothing of the batch was written, and nothing of a later one will be. */
export class Deposed extends Error {
  constructor(epoch: number) {
    super(`the gatekeeper of epoch ${epoch} was deposed`);
    this.name = 'Deposed';
  }
}

/** The one writer. Who opens it leads: an earlier writer is deposed at once. */
export interface Store {
  /** Of this writer; one more than that of the writer before. */
  readonly epoch: number;
  readonly kernels: KernelReader;
  readonly sessions: SessionReader;
  readonly tokens: TokenReader;
  /**
   * Writes the batch in one transaction that is on disk when this resolves. Batches are written in the order they are
   * given. Where the answer to a commit is lost, this waits until the database is back and says which of both it was.
   *
   * @returns the outbox entries, numbered
   * @throws Deposed when another writer leads; any other error: nothing was written
   */
  commit(batch: Batch): Promise<OutboxEntry[]>;
  /**
   * Removes rows from before `before` (ms): kernels that ended, with their sessions; tokens that expired or were revoked;
   * the input log, up to a row from which what is younger can be replayed; ids of received messages. At most `limit` of
   * each kind, the oldest first.
   *
   * @returns how many; 0 when nothing is left to remove
   * @throws Deposed when another writer leads
   */
  prune(before: number, limit: number): Promise<number>;
  /** Those of `ids` whose effect is written already. */
  alreadyReceived(ids: readonly string[]): Promise<Set<string>>;
  /** Kernels that have not ended, oldest first. */
  livingKernels(): Promise<Kernel[]>;
  /** How long the kernels that ended last held their places, milliseconds, newest first; failed launches left out. */
  heldTimes(limit: number): Promise<number[]>;
  /**
   * What was admitted from `since` (ms) on, newest first, at most `limit`; those of kernels whose rows are gone are left out.
   *
   * @param before  the last one of the page before
   */
  admissions(since: number, before: { at: number; id: string } | null, limit: number): Promise<Admission[]>;
  /** @see KernelRepository.startTimes */
  startTimes(limit: number): Promise<{ kernelspec: string; ms: number }[]>;
  /** Past use, as it was stored last. */
  shares(): Promise<{ at: number; shares: unknown } | null>;
  /** The configuration of scheduling; null: none was ever made. */
  schedulingConfig(): Promise<SchedulingDocument | null>;
  /** Changes of it, newest first. */
  audit(limit: number): Promise<AuditRow[]>;
  /** Outbox entries not yet delivered, in commit order. */
  undelivered(): Promise<OutboxEntry[]>;
  close(): Promise<void>;
}

export const STORE = Symbol('Store');

import type { SchedulingConfig } from '#libs/contracts';
import type { CoreEvent, CoreWorkload, RunningPlace } from '../core/model.js';
import type { Leaving } from '../core/running.js';
import type { NodeAvailability, NodeSpec } from '../placement/node-state.js';
import type { TypicalSet } from '../placement/typical-set.js';

/** What one workload did while it ran, so long after its start. */
export interface Use {
  readonly afterMs: number;
  readonly kind: 'idle' | 'busy' | 'kept';
  /** Of `idle`: since then, after its start. */
  readonly sinceMs: number;
}

/** Somebody asked for something, and what became of it. */
export interface Ask {
  /** Its workload's; one that was asked for again under its id has a number behind it. */
  readonly id: string;
  readonly workload: CoreWorkload;
  /** Under which it was asked for; null: none. */
  readonly config: SchedulingConfig | null;
  /** When the core was told, ms. */
  readonly at: number;
  /** Since then it waits, ms: before `at` where it waited already when the log began. */
  readonly askedAt: number;
  /** It ran already when the log began. */
  readonly begun: { readonly place: RunningPlace | null; readonly startedAt: number } | null;
  /** How it ran last; null: never. */
  run: { startedAt: number; endedAt: number | null; endedBy: 'itself' | Leaving['how'] | 'node' | null } | null;
  /** Left the line by itself. */
  gaveUpAt: number | null;
  uses: Use[];
}

/** A node as it is from then on; null: it has gone. */
export interface NodeChange {
  readonly at: number;
  readonly id: string;
  readonly node: { readonly flavor: string; readonly spec: NodeSpec; readonly availability: NodeAvailability } | null;
}

/** What people and machines did in a day, apart from what was decided. In order of time. */
export interface History {
  readonly asks: readonly Ask[];
  readonly nodes: readonly NodeChange[];
  /** What work usually looked like from then on, by what had been admitted. */
  readonly typical: readonly { readonly at: number; readonly shapes: TypicalSet }[];
}

/** Whether a workload that is told of is the one that was put back into its queue. */
export const isPutBack = (ask: Ask, { evictions }: CoreWorkload): boolean =>
  ask.run?.endedBy === 'requeue' && evictions > ask.workload.evictions;

export type UseEvent = Extract<CoreEvent, { kind: 'idle' | 'busy' | 'kept' }>;

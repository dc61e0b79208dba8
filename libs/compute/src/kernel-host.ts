import type {
  AgentEndpoint,
  KernelId,
  KernelInfo,
  KernelPlace,
  KernelUsage,
  LaunchSpec,
  NodeReport,
  WarmSpares,
} from '#libs/contracts';

/** What a host tells of one kernel; in order, at least once across a restart of the launcher. */
export type KernelFact =
  | { kind: 'agent-up'; kernelId: KernelId; endpoint: AgentEndpoint }
  | { kind: 'ready'; kernelId: KernelId; incarnation: number }
  /** What kernels of its command say of themselves; told once by each host. */
  | { kind: 'info'; kernelId: KernelId; info: KernelInfo }
  | { kind: 'activity'; kernelId: KernelId; state: 'starting' | 'idle' | 'busy' | 'restarting'; at: number }
  | {
      kind: 'exited';
      kernelId: KernelId;
      /** Null: whatever process it had is gone with its agent. */
      incarnation: number | null;
      code: number | null;
      signal: number | null;
      outOfMemory: boolean;
      agentLost: boolean;
    }
  /** Its start was cut short by no fault of its own, and is made again. `reason`: a sentence. */
  | { kind: 'launch-again'; kernelId: KernelId; reason: string }
  | { kind: 'launch-failed'; kernelId: KernelId; detail: string; reason?: 'image-pull' | 'unschedulable' };

/** All nodes that there are; told first, and to each who reconciles. */
export interface AllNodes {
  kind: 'nodes';
  nodes: NodeReport[];
}

/** Nodes that are not as they were told last, and the ids of those that are gone. */
export interface ChangedNodes {
  kind: 'nodes-changed';
  nodes: NodeReport[];
  gone: string[];
}

export type NodesFact = AllNodes | ChangedNodes;

/** What keeps the host from starting kernels, as a sentence; null: nothing any more. */
export interface HinderedFact {
  kind: 'hindered';
  reason: string | null;
}

export type HostFact = KernelFact | NodesFact | HinderedFact;

/** For whom a kernel is launched, and where. */
export interface LaunchFor {
  owner: string;
  /** What it is counted to. */
  project: string | null;
  /** What the scheduling core chose; null: the host is free to choose. */
  place: KernelPlace | null;
}

/** An end of which nothing is known but that it came. */
export const NO_EXIT = { incarnation: null, code: null, signal: null, outOfMemory: false, agentLost: false };

/** A place where kernels run: processes of this machine, or pods of a cluster. Decides nothing. */
export interface KernelHost {
  /** Facts go here; set before any other call. */
  onFact(listener: (fact: HostFact) => void): void;
  /**
   * Adopts the agents of `kernelIds` that live, reports `exited` for those that do not, ends all other agents; tells of all
   * nodes.
   */
  reconcile(kernelIds: readonly KernelId[]): Promise<void>;
  /**
   * Ends what runs for nobody, as found by comparing what is here with what ought to be; what is being made is left alone.
   *
   * @param unwanted  which of these kernels ought to have no process
   */
  reap(unwanted: (kernelIds: readonly KernelId[]) => Promise<readonly KernelId[]>): Promise<void>;
  /** Resolves when the launch is under way; what becomes of it is told by facts. */
  launch(kernelId: KernelId, whom: LaunchFor, spec: LaunchSpec): Promise<void>;
  /** Ends kernel and agent, however far they got; unknown ids report `exited`. */
  stop(kernelId: KernelId, graceMs: number): Promise<void>;
  /** A new process in the same agent, with the same claim; once for each incarnation. */
  restart(kernelId: KernelId, incarnation: number): Promise<void>;
  /** What its agent says; null where none answers. */
  usage(kernelId: KernelId): Promise<KernelUsage | null>;
  /** So many spares are to stand where from now on; environments that are not named are kept as the options say. */
  keepWarm(pools: readonly WarmSpares[]): void;
  /** Lets go of every agent without ending it. */
  close(): Promise<void>;
}

export const KERNEL_HOST = Symbol('KernelHost');

import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import type { CommandClient } from '#libs/bus';
import { type HostFact, KERNEL_HOST, type KernelHost, type NodesFact } from '#libs/compute';
import { InvalidRequest, LauncherFacts } from '#libs/contracts';
import { FactLanes } from './fact-lanes.js';
import { GATEKEEPER } from './gatekeeper.js';
import { joinedNodes } from './joined-nodes.js';

const RETRY_MS = 500;
/** Kernels of which something is handed over at a time: a broker takes milliseconds to confirm, and a launcher that comes up
 * has thousands of facts to tell. */
const AT_ONCE = 100;

/** The launcher itself has come up. */
type Up = { kind: 'up' };

type Fact = HostFact | Up;

const isOfNodes = (fact: Fact): fact is NodesFact => fact.kind === 'nodes' || fact.kind === 'nodes-changed';

/** The contract of each kind of fact. */
const CONTRACTS = {
  up: LauncherFacts.launcherUp,
  nodes: LauncherFacts.nodes,
  'nodes-changed': LauncherFacts.nodesChanged,
  hindered: LauncherFacts.hindered,
  'agent-up': LauncherFacts.agentUp,
  ready: LauncherFacts.kernelReady,
  info: LauncherFacts.kernelInfo,
  activity: LauncherFacts.activity,
  exited: LauncherFacts.kernelExited,
  'launch-again': LauncherFacts.launchAgain,
  'launch-failed': LauncherFacts.launchFailed,
} as const;

/**
 * Reports the host's facts, those of one kernel in order, each until it is handed over. While nobody takes them, only the last
 * activity of a kernel and the last hindrance are kept, and of nodes one fact that says all.
 */
@Injectable()
export class FactReporter implements OnApplicationShutdown {
  readonly #log = new Logger('Launcher');
  readonly #lanes = new FactLanes<Fact>((fact) => this.#tell(fact), AT_ONCE);
  readonly #closed = new AbortController();

  readonly #again: Counter;

  constructor(
    @Inject(KERNEL_HOST) private readonly host: KernelHost,
    @Inject(GATEKEEPER) private readonly gatekeeper: Pick<CommandClient, 'emit'>,
    @Inject(Registry) metrics: Registry,
  ) {
    this.#again = new Counter({
      name: 'beamgate_launches_again_total',
      help: 'Pods of kernels that were made again because their node cut the start short',
      registers: [metrics],
    });
    host.onFact((fact) => this.#take(fact));
  }

  /** Of a launcher that runs apart from its gatekeeper, which is to tell it then what there is. */
  up(): void {
    this.#take({ kind: 'up' });
  }

  /** Kernels live on. */
  async onApplicationShutdown(): Promise<void> {
    this.#closed.abort();
    await this.host.close();
  }

  #take(fact: Fact): void {
    if (fact.kind === 'launch-again') this.#again.inc();
    this.#lanes.add('kernelId' in fact ? fact.kernelId : isOfNodes(fact) ? 'nodes' : fact.kind, fact, joined);
  }

  /** @returns whether it is done with */
  async #tell(told: Fact): Promise<boolean> {
    if (this.#closed.signal.aborted) return true;
    const { kind, ...fact } = told;
    try {
      await this.gatekeeper.emit<(typeof CONTRACTS)[typeof kind]['schema']>(CONTRACTS[kind], fact);
      return true;
    } catch (error) {
      this.#log.warn({ kind, ...fact, reason: (error as Error).message }, 'a fact could not be told');
      // What breaks its contract is a bug of ours, and no reason to hold back the rest.
      if (error instanceof InvalidRequest) return true;
      await delay(RETRY_MS, undefined, { signal: this.#closed.signal }).catch(() => {});
      return false;
    }
  }
}

/** Of two facts of one lane, where the later says it all. */
const joined = (earlier: Fact, later: Fact): Fact | undefined => {
  if (isOfNodes(earlier) && isOfNodes(later)) return joinedNodes(earlier, later);
  const isLast = earlier.kind === 'activity' || earlier.kind === 'hindered';
  return isLast && later.kind === earlier.kind ? later : undefined;
};

import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { CommandClient } from '#libs/bus';
import { KERNEL_HOST, type KernelFact, type KernelHost, type NodesFact } from '#libs/compute';
import { InvalidRequest, LauncherFacts } from '#libs/contracts';
import { joinedNodes } from './joined-nodes.js';

export const FACTS = Symbol('Facts');

const RETRY_MS = 500;

/** The launcher itself has come up. */
type Up = { kind: 'up' };

type Fact = KernelFact | NodesFact | Up;

const isOfNodes = (fact: Fact): fact is NodesFact => fact.kind === 'nodes' || fact.kind === 'nodes-changed';

/** The contract of each kind of fact. */
const CONTRACTS = {
  up: LauncherFacts.launcherUp,
  nodes: LauncherFacts.nodes,
  'nodes-changed': LauncherFacts.nodesChanged,
  'agent-up': LauncherFacts.agentUp,
  ready: LauncherFacts.kernelReady,
  info: LauncherFacts.kernelInfo,
  activity: LauncherFacts.activity,
  exited: LauncherFacts.kernelExited,
  'launch-failed': LauncherFacts.launchFailed,
} as const;

/**
 * Reports the host's facts in order, each until it is handed over. While nobody takes them, only the last activity of a
 * kernel is kept, and of nodes one fact that says all.
 */
@Injectable()
export class FactReporter implements OnApplicationShutdown {
  readonly #log = new Logger('Launcher');
  readonly #waiting: Fact[] = [];
  readonly #closed = new AbortController();
  #reporting = false;

  constructor(
    @Inject(KERNEL_HOST) private readonly host: KernelHost,
    @Inject(FACTS) private readonly facts: Pick<CommandClient, 'emit'>,
  ) {
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
    if (fact.kind === 'activity') this.#forget((old) => old.kind === 'activity' && old.kernelId === fact.kernelId);
    this.#waiting.push(isOfNodes(fact) ? this.#joined(fact) : fact);
    if (!this.#reporting) void this.#report();
  }

  #forget(isReplaced: (old: Fact) => boolean): Fact | undefined {
    // The first is being handed over.
    const old = this.#waiting.findIndex((fact, at) => at > 0 && isReplaced(fact));
    return old > 0 ? this.#waiting.splice(old, 1)[0] : undefined;
  }

  #joined(fact: NodesFact): NodesFact {
    const before = this.#forget(isOfNodes) as NodesFact | undefined;
    return before === undefined ? fact : joinedNodes(before, fact);
  }

  async #report(): Promise<void> {
    this.#reporting = true;
    while (this.#waiting[0] !== undefined && !this.#closed.signal.aborted) {
      const { kind, ...fact } = this.#waiting[0];
      try {
        await this.facts.emit<(typeof CONTRACTS)[typeof kind]['schema']>(CONTRACTS[kind], fact);
        this.#waiting.shift();
      } catch (error) {
        this.#log.warn({ kind, ...fact, reason: (error as Error).message }, 'a fact could not be told');
        // What breaks its contract is a bug of ours, and no reason to hold back the rest.
        if (error instanceof InvalidRequest) this.#waiting.shift();
        else await delay(RETRY_MS, undefined, { signal: this.#closed.signal }).catch(() => {});
      }
    }
    this.#reporting = false;
  }
}

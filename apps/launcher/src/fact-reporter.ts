import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { CommandClient } from '#libs/bus';
import { type HostFact, KERNEL_HOST, type KernelHost } from '#libs/compute';
import { InvalidRequest, LauncherFacts } from '#libs/contracts';
import { GATEKEEPER } from './gatekeeper.js';

const RETRY_MS = 500;

/** The launcher itself has come up. */
type Up = { kind: 'up' };

/** The contract of each kind of fact. */
const CONTRACTS = {
  up: LauncherFacts.launcherUp,
  nodes: LauncherFacts.nodes,
  hindered: LauncherFacts.hindered,
  'agent-up': LauncherFacts.agentUp,
  ready: LauncherFacts.kernelReady,
  info: LauncherFacts.kernelInfo,
  activity: LauncherFacts.activity,
  exited: LauncherFacts.kernelExited,
  'launch-failed': LauncherFacts.launchFailed,
} as const;

/**
 * Reports the host's facts in order, each until it is handed over. While nobody takes them, only the last activity of a
 * kernel is kept, the last list of nodes, and the last hindrance.
 */
@Injectable()
export class FactReporter implements OnApplicationShutdown {
  readonly #log = new Logger('Launcher');
  readonly #waiting: (HostFact | Up)[] = [];
  readonly #closed = new AbortController();
  #reporting = false;

  constructor(
    @Inject(KERNEL_HOST) private readonly host: KernelHost,
    @Inject(GATEKEEPER) private readonly gatekeeper: Pick<CommandClient, 'emit'>,
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

  #take(fact: HostFact | Up): void {
    if (fact.kind === 'activity') this.#forget((old) => old.kind === 'activity' && old.kernelId === fact.kernelId);
    if (fact.kind === 'nodes' || fact.kind === 'hindered') this.#forget((old) => old.kind === fact.kind);
    this.#waiting.push(fact);
    if (!this.#reporting) void this.#report();
  }

  #forget(isReplaced: (old: HostFact | Up) => boolean): void {
    const old = this.#waiting.findIndex(isReplaced);
    // The first is being handed over.
    if (old > 0) this.#waiting.splice(old, 1);
  }

  async #report(): Promise<void> {
    this.#reporting = true;
    while (this.#waiting[0] !== undefined && !this.#closed.signal.aborted) {
      const { kind, ...fact } = this.#waiting[0];
      try {
        await this.gatekeeper.emit<(typeof CONTRACTS)[typeof kind]['schema']>(CONTRACTS[kind], fact);
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

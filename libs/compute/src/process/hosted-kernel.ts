import type { AgentEndpoint, KernelId, KernelUsage } from '#libs/contracts';
import type { AgentEvent } from '#libs/jupyter';
import { type AgentContext, AgentKernel } from '../agent-kernel.js';
import { exitOf, sentenceOf, startFailure } from '../kernel-exit.js';
import { NO_EXIT } from '../kernel-host.js';
import type { Exit } from '../kernel-news.js';
import type { AgentFiles, AgentSpec } from './agent-files.js';
import { lastLines, removeEmptyLog } from './kernel-log.js';
import { bootId, isAlive, type ProcessIdentity, signalProcess, startTimeOf } from './proc.js';
import { removeTraces } from './remove-traces.js';
import type { SpawnedAgent } from './spawn-agent.js';
import type { StartSlots } from './start-slots.js';

/** After the agent should have ended a kernel, milliseconds until it is killed itself. */
const LAST_RESORT_MS = 3000;

/** Makes the process of an agent. */
export type StartAgent = (specFile: string, logFile: string) => Promise<SpawnedAgent>;

/** What all kernels of a host share. */
export interface HostContext extends AgentContext {
  files: AgentFiles;
  starts: StartSlots;
}

/**
 * One kernel on this machine: the process of its agent, and the ends of both. A warm one waits for the kernel that it will
 * become, and nothing is told of it until then.
 */
export class HostedKernel {
  /** Resolves when the agent is gone and its traces are removed. */
  readonly gone: Promise<void>;
  /** Resolves when a warm kernel has come as far as it can without a claim. */
  readonly warmed: Promise<void>;
  #resolveGone = (): void => {};
  #resolveWarmed = (): void => {};
  readonly #kernel: AgentKernel;
  #process: ProcessIdentity | undefined;
  #adopted = false;
  #released = false;
  #leaving = false;
  #startTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #endStart = (): void => {};

  constructor(
    private readonly context: HostContext,
    private agentSpec: AgentSpec,
    isWarm = false,
  ) {
    const origin = JSON.stringify(agentSpec.kernel);
    const made = { madeAs: this.kernelId, isWarm, origin, claim: claimOf(agentSpec), isToldAtOnce: true };
    this.#kernel = new AgentKernel(context, made, {
      onWarm: () => this.#onWarm(),
      onReached: () => this.#kernel.stopping && this.stop(0),
      onReady: () => this.#started(),
      onExit: (event) => void this.#onExit(event),
      onClaimFailed: (detail) => {
        this.#fail(detail);
        this.dismiss();
      },
      onUnspoken: (reason) => void this.#onUnspoken(reason),
      onOver: () => {
        this.release();
        this.#resolveGone();
      },
      onGone: () => void this.#leave(),
    });
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.warmed = new Promise((resolve) => {
      this.#resolveWarmed = resolve;
    });
  }

  get kernelId(): KernelId {
    return this.agentSpec.kernelId as KernelId;
  }

  get spec(): AgentSpec {
    return this.agentSpec;
  }

  /** Whether its end was told; the agent may stay a while. */
  get ended(): boolean {
    return this.#kernel.news.ended;
  }

  /** Whether its agent was told to go. */
  get dismissed(): boolean {
    return this.#kernel.stopping || this.#killTimer !== undefined;
  }

  /** Starts the agent. Resolves when it listens and was claimed, or when that has failed and was told. */
  async launch(start: StartAgent, timeoutSeconds: number): Promise<void> {
    const { files } = this.context;
    this.#limitStart(timeoutSeconds);
    this.#endStart = await this.context.starts.take();
    if (this.#kernel.stopping || this.#released || this.ended) {
      this.#endStart();
      return this.#leave();
    }
    let agent: SpawnedAgent;
    try {
      agent = await start(files.spec(this.kernelId), files.log(this.kernelId));
    } catch (error) {
      this.#fail((error as Error).message);
      return this.#leave();
    }
    this.#process = { pid: agent.pid, startTime: startTimeOf(agent.pid) ?? 0, bootId: bootId() };
    void agent.exited.then(() => this.#leave());
    if (this.#kernel.stopping || this.ended) signalProcess(agent.pid, 'SIGKILL');
    try {
      await agent.listening;
    } catch (error) {
      if (!this.#released) await this.#failToStart(sentenceOf((error as Error).message));
      return this.#kill();
    }
    await this.#reach();
  }

  /** Turns this warm kernel into the one of `spec`, which has been given what it had. */
  become(spec: AgentSpec, timeoutSeconds: number): void {
    this.agentSpec = spec;
    this.#limitStart(timeoutSeconds);
    this.#kernel.agent.endpoint = endpointOf(spec);
    this.#kernel.become(this.kernelId, claimOf(spec));
  }

  /** Takes over an agent that was started by an earlier launcher, and tells where it stands. */
  async adopt(process: ProcessIdentity, startSeconds: number): Promise<void> {
    this.#process = process;
    this.#adopted = true;
    this.#limitStart(startSeconds);
    await this.#reach();
  }

  /** Tells again what is so. */
  retell(): Promise<void> {
    return this.#kernel.retell();
  }

  stop(graceMs: number): void {
    this.#kernel.stopping = true;
    if (this.ended) {
      this.#kernel.news.retellEnd();
      this.dismiss();
    } else if (this.#process === undefined) {
      // It waits for its turn to start and will not.
      this.#exited(NO_EXIT);
    } else {
      this.#tellOrKill('shutdown', { graceMs }, graceMs + LAST_RESORT_MS);
    }
  }

  /** A kernel that died under a living agent may be restarted too: its end is over then. */
  restart(incarnation: number): void {
    this.#kernel.restart(incarnation);
  }

  /** @see KernelHost.usage */
  usage(): Promise<KernelUsage | undefined> {
    return this.#kernel.agent.usage();
  }

  /** Ends an agent whose kernel has ended, or that nobody wants. */
  dismiss(): void {
    this.#tellOrKill('exit', {}, LAST_RESORT_MS);
  }

  /** Lets go of agent and kernel without ending them. */
  release(): void {
    this.#released = true;
    this.#clearTimers();
    this.#kernel.agent.close();
  }

  // --- what happens ----------------------------------------------------------------------------------------------

  async #reach(): Promise<void> {
    await this.#kernel.agent.reach(endpointOf(this.agentSpec), () => this.#isAlive());
  }

  #isAlive(): boolean {
    return this.#process !== undefined && isAlive(this.#process);
  }

  #onWarm(): void {
    if (this.#kernel.isSomebodys) return;
    this.#started();
    this.#resolveWarmed();
  }

  async #onUnspoken(reason: string): Promise<void> {
    // What ran before us goes on, until somebody comes who speaks to it.
    if (this.#adopted) {
      clearTimeout(this.#startTimer);
      return;
    }
    await this.#failToStart(sentenceOf(reason));
    this.#kill();
  }

  async #onExit(event: AgentEvent): Promise<void> {
    if (this.ended) return;
    const { code, signal, outOfMemory } = exitOf(event);
    if (!this.#kernel.news.wasReady && !this.#kernel.stopping && !outOfMemory) {
      await this.#failToStart(startFailure({ code, signal }, event['error']));
      return this.dismiss();
    }
    this.#exited({ incarnation: Number(event['incarnation']), code, signal, outOfMemory, agentLost: false });
  }

  #exited(how: Exit): void {
    this.#started();
    this.#kernel.news.exited(how);
  }

  #fail(detail: string): void {
    this.#started();
    this.#kernel.news.failed(detail);
  }

  /** @param sentence  told with the last lines of its log */
  async #failToStart(sentence: string): Promise<void> {
    const lines = await lastLines(this.context.files.log(this.kernelId));
    if (this.#kernel.stopping) return;
    this.#fail(lines === '' || sentence.includes(lines) ? sentence : `${sentence}\n${lines}`);
  }

  /** Or it never will. */
  #started(): void {
    clearTimeout(this.#startTimer);
    this.#endStart();
  }

  // --- the end ---------------------------------------------------------------------------------------------------

  #limitStart(seconds: number): void {
    const late = async (): Promise<void> => {
      await this.#failToStart(`The kernel did not answer within ${seconds} seconds.`);
      this.dismiss();
    };
    this.#startTimer = setTimeout(() => void late(), seconds * 1000);
  }

  #tellOrKill(verb: string, args: object, patienceMs: number): void {
    if (this.#kernel.agent.up) this.#kernel.agent.tell(verb, args);
    else this.#kill();
    this.#killTimer ??= setTimeout(() => this.#kill(), patienceMs);
  }

  /** What is left of the kernel goes when the agent's end is seen. */
  #kill(): void {
    if (this.#process !== undefined && this.#isAlive()) signalProcess(this.#process.pid, 'SIGKILL');
  }

  /** The agent is gone: tell it if nothing was told, and remove what it leaves. Once. */
  async #leave(): Promise<void> {
    if (this.#leaving || this.#released) return;
    this.#leaving = true;
    this.#clearTimers();
    if (this.#kernel.stopping) this.#exited(NO_EXIT);
    else if (this.#kernel.news.wasReady) this.#exited({ ...NO_EXIT, agentLost: true });
    else if (!this.ended) await this.#failToStart('The agent ended while the kernel started.');
    await removeTraces(this.context.files, this.agentSpec);
    await removeEmptyLog(this.context.files.log(this.kernelId));
    this.#resolveGone();
  }

  #clearTimers(): void {
    this.#started();
    clearTimeout(this.#killTimer);
  }
}

const endpointOf = ({ socket, clientToken, controlToken }: AgentSpec): AgentEndpoint => ({
  socket,
  clientToken,
  controlToken,
});

const claimOf = ({ cwd, directory, socket, record, claim }: AgentSpec): object => ({
  env: claim?.env ?? {},
  unset: claim?.unset ?? [],
  cwd,
  place: { directory, socket, record },
});

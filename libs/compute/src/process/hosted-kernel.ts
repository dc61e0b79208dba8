import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentEndpoint, KernelId, KernelUsage } from '#libs/contracts';
import { AgentCallError, type AgentEvent, AgentStream, type Welcome } from '#libs/jupyter';
import { exitOf, sentenceOf, startFailure } from '../kernel-exit.js';
import { type KernelFact, NO_EXIT } from '../kernel-host.js';
import { type Exit, KernelNews } from '../kernel-news.js';
import { usageOf } from '../usage-of.js';
import type { AgentFiles, AgentSpec } from './agent-files.js';
import { lastLines, removeEmptyLog } from './kernel-log.js';
import { bootId, isAlive, type ProcessIdentity, signalProcess, startTimeOf } from './proc.js';
import type { HostLog } from './process-host-options.js';
import { removeTraces } from './remove-traces.js';
import type { SpawnedAgent } from './spawn-agent.js';
import type { StartSlots } from './start-slots.js';

/** After the agent should have ended a kernel, milliseconds until it is killed itself. */
const LAST_RESORT_MS = 3000;
const RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1000;

/** Makes the process of an agent. */
export type StartAgent = (specFile: string, logFile: string) => Promise<SpawnedAgent>;

/** What all kernels of a host share. */
export interface HostContext {
  files: AgentFiles;
  term: number;
  log: HostLog;
  starts: StartSlots;
  /** Commands whose kernels have said what they are. */
  introduced: Set<string>;
  tell(fact: KernelFact): void;
}

/**
 * One kernel on this machine: its agent's process, the control stream to it, and what was told of it. A warm one waits
 * for the kernel that it will become, and nothing is told of it until then.
 */
export class HostedKernel {
  /** Resolves when the agent is gone and its traces are removed. */
  readonly gone: Promise<void>;
  /** Resolves when a warm kernel has come as far as it can without a claim. */
  readonly warmed: Promise<void>;
  #resolveGone = (): void => {};
  #resolveWarmed = (): void => {};
  #spec: AgentSpec;
  #process: ProcessIdentity | undefined;
  #stream: AgentStream | undefined;
  #news: KernelNews;
  /** The process that ought to live, as far as we were told. */
  #incarnation = 0;
  #stopping = false;
  #released = false;
  #leaving = false;
  #startTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #endStart = (): void => {};

  constructor(
    private readonly context: HostContext,
    spec: AgentSpec,
    private warm = false,
  ) {
    this.#spec = spec;
    this.#news = this.#newsOf(warm ? { ...context, tell: () => {} } : context);
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.warmed = new Promise((resolve) => {
      this.#resolveWarmed = resolve;
    });
  }

  get kernelId(): KernelId {
    return this.#spec.kernelId as KernelId;
  }

  get spec(): AgentSpec {
    return this.#spec;
  }

  /** Whether its end was told; the agent may stay a while. */
  get ended(): boolean {
    return this.#news.ended;
  }

  /** Whether its agent was told to go. */
  get dismissed(): boolean {
    return this.#stopping || this.#killTimer !== undefined;
  }

  get endpoint(): AgentEndpoint {
    const { socket, clientToken, controlToken } = this.#spec;
    return { socket, clientToken, controlToken };
  }

  /** Starts the agent. Resolves when it listens and was claimed, or when that has failed and was told. */
  async launch(start: StartAgent, timeoutSeconds: number): Promise<void> {
    const { files } = this.context;
    this.#limitStart(timeoutSeconds);
    this.#endStart = await this.context.starts.take();
    if (this.#stopping || this.#released || this.ended) {
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
    if (this.#stopping || this.ended) signalProcess(agent.pid, 'SIGKILL');
    try {
      await agent.listening;
      await this.#attach();
    } catch (error) {
      if (!this.#released) await this.#failToStart(sentenceOf((error as Error).message));
      this.#kill();
    }
  }

  /** Turns this warm kernel into the one of `spec`, which has been given what it had. */
  become(spec: AgentSpec, timeoutSeconds: number): void {
    this.#spec = spec;
    this.warm = false;
    this.#news = this.#newsOf(this.context);
    this.#limitStart(timeoutSeconds);
    this.#news.agentUp(this.endpoint);
    this.#claim();
  }

  /** Takes over an agent that was started by an earlier launcher, and tells where it stands. */
  async adopt(process: ProcessIdentity, startSeconds: number): Promise<void> {
    this.#process = process;
    this.#limitStart(startSeconds);
    await this.#hold();
  }

  /** Tells again what is so. */
  async retell(): Promise<void> {
    if (this.ended) return this.#news.retellEnd();
    if (this.#stream === undefined) return;
    this.#news.agentUp(this.endpoint);
    if (this.#news.readyIncarnation !== undefined) this.#becomeReady(this.#news.readyIncarnation);
    await this.#news.state();
  }

  stop(graceMs: number): void {
    this.#stopping = true;
    if (this.ended) {
      this.#news.retellEnd();
      this.dismiss();
    } else if (this.#process === undefined) {
      // It waits for its turn to start and will not.
      this.#exited(NO_EXIT);
    } else {
      this.#callOrKill('shutdown', { graceMs }, graceMs + LAST_RESORT_MS);
    }
  }

  /** A kernel that died under a living agent may be restarted too: its end is over then. */
  restart(incarnation: number): void {
    this.#incarnation = Math.max(this.#incarnation, incarnation);
    this.#news.again(incarnation);
    // An agent that we have lost touch with hears it when it is found again.
    this.#call('restart', { incarnation });
  }

  /** @see KernelHost.usage */
  async usage(): Promise<KernelUsage | undefined> {
    return usageOf(await this.#stats());
  }

  /** Ends an agent whose kernel has ended, or that nobody wants. */
  dismiss(): void {
    this.#callOrKill('exit', {}, LAST_RESORT_MS);
  }

  /** Lets go of agent and kernel without ending them. */
  release(): void {
    this.#released = true;
    this.#clearTimers();
    this.#stream?.end();
  }

  // --- the control stream ----------------------------------------------------------------------------------------

  /** Resolves when the agent has welcomed us; what it sends after its welcome is told after what the welcome says. */
  async #attach(): Promise<void> {
    const { socket, controlToken: token } = this.#spec;
    const stream = AgentStream.connect({ socket, token, role: 'control', term: this.context.term });
    stream.on('welcome', (welcome) => this.#onWelcome(stream, welcome));
    stream.on('event', (_seq, event) => this.#onEvent(event));
    stream.on('close', ({ bye }) => this.#onClosed(stream, bye?.code));
    await stream.opened();
  }

  #onWelcome(stream: AgentStream, { claimed, initialised, state, incarnation }: Welcome): void {
    if (this.#released) {
      stream.end();
      return;
    }
    this.#stream = stream;
    if (this.warm) {
      if (initialised) this.#onWarm();
      return;
    }
    this.#news.agentUp(this.endpoint);
    if (!claimed) this.#claim();
    if (this.#stopping) this.stop(0);
    else if (incarnation < this.#incarnation) {
      this.restart(this.#incarnation);
      return;
    }
    this.#incarnation = incarnation;
    // An exit before we came was no failure to start that nobody heard of: it is told as an exit.
    if (state === 'exited') this.#news.readyIncarnation = incarnation;
    if (state === 'idle' || state === 'busy') {
      this.#becomeReady(incarnation);
      void this.#news.state();
    }
  }

  #onWarm(): void {
    this.#started();
    this.#resolveWarmed();
  }

  #claim(): void {
    const { kernelId, cwd, directory, socket, record, claim } = this.#spec;
    const place = { directory, socket, record };
    const key = randomBytes(32).toString('hex');
    const { env = {}, unset = [] } = claim ?? {};
    this.#stream?.call('claim', { env, unset, cwd, kernelId, key, place }).catch((error: AgentCallError) => {
      // `start_failed` and the end of the stream are told by the exit event and by the end of the process.
      if (error.code === 'start_failed' || error.code === 'stream_closed') return;
      this.#fail(`The kernel could not be claimed: ${error.message}`);
      this.dismiss();
    });
  }

  /** Connects again and again, as long as the agent lives; nobody waits for one that speaks another version. */
  async #hold(unspoken = false): Promise<void> {
    for (let wait = RECONNECT_MS; !this.#released && !this.#leaving; wait = Math.min(2 * wait, LONGEST_RECONNECT_MS)) {
      if (this.#process === undefined || !isAlive(this.#process)) return this.#leave();
      try {
        return await this.#attach();
      } catch (error) {
        const code = error instanceof AgentCallError ? error.code : '';
        if (isOver(code)) return this.#giveUp(code);
        if (code === 'bad_version' && !unspoken) return this.#onUnspoken((error as Error).message);
        await delay(wait, undefined, { ref: false });
      }
    }
  }

  /** It goes on, until somebody comes who speaks to it: services may go back to what they were. */
  #onUnspoken(reason: string): void {
    clearTimeout(this.#startTimer);
    this.context.log.warn({ kernelId: this.kernelId, reason }, 'an agent of another version is not spoken to');
    void this.#hold(true);
  }

  #onClosed(stream: AgentStream, code: string | undefined): void {
    if (this.#stream !== stream || this.#released) return;
    this.#stream = undefined;
    if (code !== undefined && isOver(code)) this.#giveUp(code);
    else void this.#hold();
  }

  /** Another launcher has it now. */
  #giveUp(code: string): void {
    this.context.log.warn({ kernelId: this.kernelId, code }, 'let go of a kernel that another launcher took');
    this.release();
    this.#resolveGone();
  }

  #newsOf(context: HostContext): KernelNews {
    return new KernelNews(this.kernelId, JSON.stringify(this.#spec.kernel), context, () => this.#stats());
  }

  /** What its agent says; undefined where it does not answer. */
  async #stats(): Promise<Record<string, unknown> | undefined> {
    return this.#stream?.call('stats').catch(() => undefined);
  }

  #call(verb: string, args: object): void {
    this.#stream?.call(verb, args).catch((error: Error) => {
      this.context.log.info({ kernelId: this.kernelId, verb, reason: error.message }, 'the agent did not carry it out');
    });
  }

  // --- what happens ----------------------------------------------------------------------------------------------

  #onEvent(event: AgentEvent): void {
    if (event.event === 'ready') this.#becomeReady(Number(event['incarnation']));
    else if (event.event === 'initialised') this.#onInitialised();
    else if (event.event === 'exit') void this.#onExit(event);
    else if (event.event === 'activity') this.#news.activity(event['state'], event['at']);
  }

  #onInitialised(): void {
    if (this.warm) this.#onWarm();
  }

  #becomeReady(incarnation: number): void {
    this.#started();
    this.#news.ready(incarnation);
  }

  async #onExit(event: AgentEvent): Promise<void> {
    if (this.ended) return;
    const { code, signal, outOfMemory } = exitOf(event);
    if (!this.#news.wasReady && !this.#stopping && !outOfMemory) {
      await this.#failToStart(startFailure({ code, signal }, event['error']));
      return this.dismiss();
    }
    this.#exited({ incarnation: Number(event['incarnation']), code, signal, outOfMemory, agentLost: false });
  }

  #exited(how: Exit): void {
    this.#started();
    this.#news.exited(how);
  }

  #fail(detail: string): void {
    this.#started();
    this.#news.failed(detail);
  }

  /** @param sentence  told with the last lines of its log */
  async #failToStart(sentence: string): Promise<void> {
    const lines = await lastLines(this.context.files.log(this.kernelId));
    if (this.#stopping) return;
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

  #callOrKill(verb: string, args: object, patienceMs: number): void {
    if (this.#stream === undefined) this.#kill();
    this.#call(verb, args);
    this.#killTimer ??= setTimeout(() => this.#kill(), patienceMs);
  }

  /** What is left of the kernel goes when the agent's end is seen. */
  #kill(): void {
    if (this.#process !== undefined && isAlive(this.#process)) signalProcess(this.#process.pid, 'SIGKILL');
  }

  /** The agent is gone: tell it if nothing was told, and remove what it leaves. Once. */
  async #leave(): Promise<void> {
    if (this.#leaving || this.#released) return;
    this.#leaving = true;
    this.#clearTimers();
    if (this.#stopping) this.#exited(NO_EXIT);
    else if (this.#news.wasReady) this.#exited({ ...NO_EXIT, agentLost: true });
    else if (!this.ended) await this.#failToStart('The agent ended while the kernel started.');
    await removeTraces(this.context.files, this.#spec);
    await removeEmptyLog(this.context.files.log(this.kernelId));
    this.#resolveGone();
  }

  #clearTimers(): void {
    this.#started();
    clearTimeout(this.#killTimer);
  }
}

const isOver = (code: string): boolean => code === 'fenced' || code === 'replaced';

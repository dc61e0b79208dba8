import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KernelId, KernelUsage, LaunchSpec, ProcessCommand, WarmSpares } from '#libs/contracts';
import { type KernelFact, type KernelHost, type LaunchFor, NO_EXIT, type NodesFact } from '../kernel-host.js';
import { AgentFiles, type AgentSpec } from './agent-files.js';
import { AgentSpecs } from './agent-specs.js';
import { type HostContext, HostedKernel, type StartAgent } from './hosted-kernel.js';
import { pythonEnvironment } from './kernel-environment.js';
import { boundLog, removeOldLogs } from './kernel-log.js';
import { type ProcessIdentity, signalProcess, startTimeOf } from './proc.js';
import type { PoolOptions, ProcessHostOptions, TemplateOptions } from './process-host-options.js';
import { killKernels, removeTraces } from './remove-traces.js';
import { spawnAgent } from './spawn-agent.js';
import { StartSlots } from './start-slots.js';
import { Template } from './template.js';
import { nextTerm } from './term.js';
import { WarmPools } from './warm-pools.js';

/** Kernels that may be starting at once, and how long one may take up that place. */
const STARTS_PER_CPU = 4;
const START_PATIENCE_MS = 5000;
const SWEEP_MS = 60_000;
/** How long the end of a host waits for agents that are on their way out. */
const FAREWELL_MS = 2_000;
/** An agent that an earlier launcher had just started needs this long at most to write its record. */
const RECORD_WAIT_MS = 5000;
/** From its adoption to the first answer of a kernel that was still starting. */
const ADOPTED_START_SECONDS = 60;

/** Kernels as processes of this machine, each under an agent that outlives this process. */
export class ProcessHost implements KernelHost {
  readonly #files: AgentFiles;
  readonly #specs: AgentSpecs;
  readonly #kernels = new Map<KernelId, HostedKernel>();
  readonly #templates: ReadonlyMap<string, Template>;
  readonly #pools: WarmPools;
  /** Launched, and neither ready nor over. */
  readonly #underWay = new Set<KernelId>();
  /** Launches that have not got as far as a hosted kernel. */
  readonly #preparing = new Map<KernelId, { stopped: boolean }>();
  readonly #context: Promise<HostContext>;
  #listener: (fact: KernelFact) => void = () => {};
  readonly #sweep: NodeJS.Timeout;
  #closed = false;

  constructor(private readonly options: ProcessHostOptions) {
    this.#files = new AgentFiles(options.data);
    this.#specs = new AgentSpecs(options, this.#files);
    this.#templates = new Map(options.templates.map((template) => [template.python, this.#template(template)]));
    const idle = (): boolean => this.#underWay.size === 0;
    this.#pools = new WarmPools(options, (pool) => this.#startWarm(pool), idle);
    this.#context = this.#prepare();
    // Whoever uses the host first gets the error; until then it must not end the process.
    this.#context.then(() => this.#pools.refill()).catch(() => {});
    this.#sweep = setInterval(() => {
      void this.#boundLogs();
      // What was asked for lately may not be asked for any more.
      this.#pools.refill();
    }, SWEEP_MS).unref();
  }

  onFact(listener: (fact: KernelFact | NodesFact) => void): void {
    this.#listener = listener;
  }

  async launch(kernelId: KernelId, whom: LaunchFor, spec: LaunchSpec): Promise<void> {
    const { owner } = whom;
    const present = this.#kernels.get(kernelId);
    if (this.#preparing.has(kernelId) || (present !== undefined && !present.ended)) return;
    const preparing = { stopped: false };
    this.#preparing.set(kernelId, preparing);
    try {
      const context = await this.#context;
      present?.dismiss();
      await present?.gone;
      this.#underWay.add(kernelId);
      const agentSpec = await this.#specs.ofLaunch(kernelId, whom, spec);
      if (this.#closed) return;
      if (this.#claimWarm(agentSpec, owner, spec.launchTimeoutSeconds)) {
        // It is on its way.
      } else if (await this.#write(agentSpec)) {
        this.options.log.info({ kernelId, owner }, 'launching');
        const kernel = this.#keep(new HostedKernel(context, agentSpec));
        void kernel.launch(this.#starting(agentSpec.kernel), spec.launchTimeoutSeconds);
      } else {
        const started = await this.#files.readSpec(kernelId);
        if (started !== undefined) await this.#adoptOrReap(started, true, context);
      }
      if (preparing.stopped) this.#kernels.get(kernelId)?.stop(0);
    } catch (error) {
      await this.#files.remove(kernelId);
      this.#tell({ kind: 'launch-failed', kernelId, detail: (error as Error).message });
    } finally {
      this.#preparing.delete(kernelId);
    }
  }

  /** @returns whether a warm kernel becomes this one */
  #claimWarm(wanted: AgentSpec, owner: string, timeoutSeconds: number): boolean {
    const taken = this.#closed ? undefined : this.#pools.take(wanted);
    if (taken === undefined) return false;
    const { warm, spec } = taken;
    try {
      this.#files.handOver(warm.spec, spec);
    } catch {
      warm.dismiss();
      return false;
    }
    this.options.log.info({ kernelId: spec.kernelId, owner }, 'claiming a warm kernel');
    warm.become(spec, timeoutSeconds);
    this.#keep(warm);
    return true;
  }

  /** Of nobody, in the folder of nobody, until it is claimed. */
  async #startWarm({ name, command, limits }: PoolOptions): Promise<HostedKernel | undefined> {
    const context = await this.#context;
    // Its template asks for a refill when it is ready.
    if (command.kind === 'python' && this.#templates.get(command.python)?.ready === false) return undefined;
    const id = randomUUID() as KernelId;
    const spec = this.#specs.ofNobody(id, command, limits);
    try {
      await this.#files.writeSpec(spec);
    } catch (error) {
      this.options.log.warn({ kernelspec: name, reason: (error as Error).message }, 'no warm kernel could be started');
      return undefined;
    }
    const kernel = new HostedKernel(context, spec, true);
    void kernel.gone.then(() => this.#pools.refill());
    void kernel.launch(this.#starting(command), ADOPTED_START_SECONDS);
    return kernel;
  }

  /** From the template of its Python, where there is one and it is ready. */
  #starting(command: ProcessCommand): StartAgent {
    const { python, agent } = this.options;
    const template = command.kind === 'python' ? this.#templates.get(command.python) : undefined;
    return (specFile, logFile) => template?.fork(specFile, logFile) ?? spawnAgent(python, agent, specFile, logFile);
  }

  async stop(kernelId: KernelId, graceMs: number): Promise<void> {
    const kernel = this.#kernels.get(kernelId);
    const preparing = this.#preparing.get(kernelId);
    if (kernel !== undefined && preparing === undefined) kernel.stop(graceMs);
    else if (preparing !== undefined) preparing.stopped = true;
    else this.#tellLost(kernelId);
  }

  async usage(kernelId: KernelId): Promise<KernelUsage | null> {
    return (await this.#kernels.get(kernelId)?.usage()) ?? null;
  }

  async restart(kernelId: KernelId, incarnation: number): Promise<void> {
    const kernel = this.#kernels.get(kernelId);
    if (kernel !== undefined) kernel.restart(incarnation);
    else if (!this.#preparing.has(kernelId)) this.#tellLost(kernelId);
  }

  async reconcile(kernelIds: readonly KernelId[]): Promise<void> {
    const context = await this.#context;
    const wanted = new Set<string>(kernelIds);
    const known = [...this.#kernels.values()];
    const left = await this.#files.specs(this.#ids());
    await Promise.all([
      ...known.map(async (kernel) => {
        if (wanted.has(kernel.kernelId)) return kernel.retell();
        kernel.stop(0);
        return kernel.gone;
      }),
      ...left.map((spec) => this.#adoptOrReap(spec, wanted.has(spec.kernelId), context)),
    ]);
    const lost = kernelIds.filter((kernelId) => !this.#isKnown(kernelId));
    killKernels(lost);
    for (const kernelId of lost) this.#tellLost(kernelId);
    await this.#files.removeStrayRecords(new Set(this.#ids()));
    await removeOldLogs(this.#files.logs, Date.now());
  }

  async reap(unwanted: (kernelIds: readonly KernelId[]) => Promise<readonly KernelId[]>): Promise<void> {
    // Nobody else makes agents here; one whose kernel has ended stays for the rest of its output.
    const hosted = [...this.#kernels.values()].filter(({ ended }) => !ended);
    const gone = new Set(await unwanted(hosted.map(({ kernelId }) => kernelId)));
    for (const kernel of hosted) if (gone.has(kernel.kernelId)) kernel.stop(0);
  }

  keepWarm(pools: readonly WarmSpares[]): void {
    this.#pools.keep(pools);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    this.#pools.close();
    await this.#seeOff();
    for (const template of this.#templates.values()) template.close();
    for (const kernel of this.#kernels.values()) kernel.release();
    this.#kernels.clear();
  }

  /** Agents go a moment after the end of their kernels is told, and nobody else would remove what they leave. */
  async #seeOff(): Promise<void> {
    const dismissed = [...this.#kernels.values(), ...this.#pools.kernels].filter((kernel) => kernel.dismissed);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, FAREWELL_MS);
    });
    await Promise.race([Promise.all(dismissed.map((kernel) => kernel.gone)), late]);
    clearTimeout(timer);
  }

  #isKnown = (kernelId: KernelId): boolean => this.#kernels.has(kernelId) || this.#preparing.has(kernelId);

  /** Of all agents that are ours. */
  #ids = (): string[] => [
    ...this.#kernels.keys(),
    ...this.#preparing.keys(),
    ...this.#pools.kernels.map(({ kernelId }) => kernelId),
  ];

  #template({ python, preload }: TemplateOptions): Template {
    const { inherited, agent, data, log } = this.options;
    const logFile = join(data, 'logs', 'template.log');
    const refill = (): void => this.#pools.refill();
    return new Template(python, preload, refill, agent, pythonEnvironment(inherited, python), logFile, log);
  }

  async #prepare(): Promise<HostContext> {
    await this.#files.prepare();
    for (const template of this.#templates.values()) template.start();
    const term = await nextTerm(this.#files.term);
    const starts = new StartSlots(STARTS_PER_CPU * availableParallelism(), START_PATIENCE_MS);
    const tell = (fact: KernelFact) => this.#tell(fact);
    return { files: this.#files, term, log: this.options.log, starts, introduced: new Set(), tell };
  }

  #keep(kernel: HostedKernel): HostedKernel {
    this.#kernels.set(kernel.kernelId, kernel);
    void kernel.gone.then(() => {
      if (this.#kernels.get(kernel.kernelId) === kernel) this.#kernels.delete(kernel.kernelId);
    });
    return kernel;
  }

  /** @returns false when this kernel has an agent already */
  async #write(spec: AgentSpec): Promise<boolean> {
    try {
      await this.#files.writeSpec(spec);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if ((await this.#agentOf(spec.kernelId as KernelId)) !== undefined) return false;
      await this.#files.remove(spec.kernelId);
      await this.#files.writeSpec(spec);
    }
    return true;
  }

  async #adoptOrReap(spec: AgentSpec, wanted: boolean, context: HostContext): Promise<void> {
    const kernelId = spec.kernelId as KernelId;
    const agent = await this.#agentOf(kernelId);
    if (agent === undefined) {
      return removeTraces(this.#files, spec);
    }
    this.options.log.info({ kernelId, pid: agent.pid }, wanted ? 'adopting' : 'ending a kernel that nobody knows');
    const quiet = { ...context, tell: () => {} };
    const kernel = new HostedKernel(wanted ? context : quiet, spec);
    if (wanted) this.#keep(kernel);
    await kernel.adopt(agent, ADOPTED_START_SECONDS);
    if (wanted) return;
    kernel.dismiss();
    await kernel.gone;
  }

  /** The agent of a kernel if it lives; one that is starting is waited for. */
  async #agentOf(kernelId: KernelId): Promise<ProcessIdentity | undefined> {
    for (const began = Date.now(); Date.now() - began < RECORD_WAIT_MS; await delay(20)) {
      const living = await this.#files.living(kernelId);
      if (living !== undefined) return living;
      const pid = this.#files.starting(kernelId);
      if (pid === undefined || startTimeOf(pid) === undefined) return undefined;
    }
    const pid = this.#files.starting(kernelId);
    if (pid !== undefined) signalProcess(pid, 'SIGKILL');
    return undefined;
  }

  async #boundLogs(): Promise<void> {
    for (const kernelId of this.#kernels.keys()) await boundLog(this.#files.log(kernelId)).catch(() => {});
  }

  #tellLost(kernelId: KernelId): void {
    this.#tell({ kind: 'exited', kernelId, ...NO_EXIT, agentLost: true });
  }

  #tell(fact: KernelFact): void {
    if (this.#closed) return;
    this.#listener(fact);
    if (fact.kind === 'agent-up' || fact.kind === 'activity') return;
    this.#underWay.delete(fact.kernelId);
    this.#pools.refill();
  }
}

import { Inject, Injectable } from '@nestjs/common';
import {
  GatekeeperCommands,
  type Identity,
  type Kernel,
  KernelId,
  type KernelSubmission,
  NotFound,
  type WaitExplanation,
} from '#libs/contracts';
import { LOG, type Log } from '#libs/platform';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { GATEKEEPER, type Gatekeeper } from '../ports.js';
import { CONFIG, type Config } from '../settings.js';
import { Interrupter } from './interrupter.js';
import { isShown } from './is-shown.js';
import { mayWait } from './may-wait.js';

const isAdmin = ({ scopes }: Identity): boolean => scopes.includes('admin');

/** Kernels as one caller may see and change them. */
@Injectable()
export class KernelsService {
  constructor(
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    @Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper,
    private readonly interrupter: Interrupter,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** @throws NotFound where the caller may see none of that id: another owner's is not told from none */
  async find(identity: Identity, id: string): Promise<Kernel> {
    const parsed = KernelId.safeParse(id.toLowerCase());
    const kernel = parsed.success ? await this.kernels.find(parsed.data) : undefined;
    if (!kernel || !(isAdmin(identity) || [kernel.owner, kernel.actor].includes(identity.user)))
      throw new NotFound(`Kernel does not exist: ${id.slice(0, 64)}`);
    return kernel;
  }

  /** As `find`, without those out of sight: ended or ending by their owner's wish, or ended too long ago. */
  async findShown(identity: Identity, id: string): Promise<Kernel> {
    const kernel = await this.find(identity, id);
    if (!isShown(kernel, this.#endedAfter())) throw new NotFound(`Kernel does not exist: ${id}`);
    return kernel;
  }

  /** The caller's own, oldest first; ended ones while they are shown. */
  async list(identity: Identity): Promise<Kernel[]> {
    return this.kernels.listVisible(identity.user, this.#endedAfter());
  }

  /** Everybody's; for admins. */
  async listAll(): Promise<Kernel[]> {
    return this.kernels.listAll(this.#endedAfter());
  }

  async listShown(identity: Identity): Promise<Kernel[]> {
    return (await this.list(identity)).filter((kernel) => isShown(kernel, this.#endedAfter()));
  }

  async submit(submission: KernelSubmission): Promise<Kernel> {
    const kernel = await this.gatekeeper.send(GatekeeperCommands.submitKernel, submission);
    const { id: kernelId, owner, actor, kernelspec, phase } = kernel;
    this.log.info({ kernelId, owner, actor, kernelspec, phase }, 'kernel submitted');
    return kernel;
  }

  /** Idempotent. */
  async stop(identity: Identity, id: string): Promise<void> {
    const kernel = await this.find(identity, id);
    if (kernel.phase === 'ended') return;
    const own = [kernel.owner, kernel.actor].includes(identity.user);
    await this.gatekeeper.send(GatekeeperCommands.stopKernel, {
      kernelId: kernel.id,
      reason: own ? 'shut-down' : 'admin',
      detail: own ? '' : `Ended by ${identity.user}.`,
    });
    this.log.info({ kernelId: kernel.id }, 'kernel stop asked');
  }

  async restart(identity: Identity, id: string): Promise<Kernel> {
    const { id: kernelId } = await this.findShown(identity, id);
    const kernel = await this.gatekeeper.send(GatekeeperCommands.restartKernel, { kernelId });
    this.log.info({ kernelId }, 'kernel restart asked');
    return kernel;
  }

  async interrupt(identity: Identity, id: string): Promise<void> {
    const kernel = await this.findShown(identity, id);
    const waits = kernel.endpoint === null && kernel.phase !== 'ended' && kernel.phase !== 'stopping';
    if (waits) await this.gatekeeper.send(GatekeeperCommands.interruptKernel, { kernelId: kernel.id });
    else await this.interrupter.interrupt(kernel);
    this.log.info({ kernelId: kernel.id }, 'kernel interrupted');
  }

  /** As if it had been used now. */
  async keep(identity: Identity, id: string): Promise<Kernel> {
    const { id: kernelId } = await this.findShown(identity, id);
    return this.gatekeeper.send(GatekeeperCommands.keepKernel, { kernelId });
  }

  /** Why it waits; null where it does not, or where nobody can say now: a kernel is shown without it all the same. */
  async explain(kernel: Kernel): Promise<WaitExplanation | null> {
    if (!mayWait(kernel)) return null;
    return this.gatekeeper.send(GatekeeperCommands.explainKernel, { kernelId: kernel.id }).catch(() => null);
  }

  #endedAfter(): number {
    return Date.now() - this.config.kernels.endedVisibleSeconds * 1000;
  }
}

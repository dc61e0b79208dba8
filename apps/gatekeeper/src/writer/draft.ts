import type { Kernel, KernelId, KernelInfo, SessionRow, TokenRow } from '#libs/contracts';
import { type Happening, transition } from '#libs/domain';
import type { Message, SchedulingVersion, Store } from '#libs/store';
import { Changes } from './changes.js';
import { commandFor, coreEventFor, isGone } from './consequences.js';
import type { Known } from './known.js';

export interface DraftContext {
  now: number;
  /** What earlier work of the same batch changed. */
  batch: Changes;
  known: Known;
  store: Store;
  graceSeconds: number;
}

/** A row could not be read: not the fault of the work that asked for it. */
export class StoreAway extends Error {}

const read = <T>(row: Promise<T>): Promise<T> =>
  row.catch((cause: unknown) => {
    throw new StoreAway('the store could not be read', { cause });
  });

/** What one command or fact sees and changes; dropped whole when it throws. */
export class Draft {
  readonly changes = new Changes();

  constructor(private readonly context: DraftContext) {}

  get now(): number {
    return this.context.now;
  }

  /** Submissions of this batch that the core has not looked at yet. */
  get arrivals(): number {
    return this.context.batch.coreEvents.filter(({ kind }) => kind === 'submitted').length;
  }

  async kernel(id: KernelId): Promise<Kernel | undefined> {
    const { batch, known, store } = this.context;
    const drafted = this.changes.kernels.get(id) ?? batch.kernels.get(id) ?? known.kernels.get(id);
    return drafted ?? read(store.kernels.find(id));
  }

  /** The kernel as the whole batch leaves it. */
  latest(kernel: Kernel): Kernel {
    return this.context.batch.kernels.get(kernel.id) ?? kernel;
  }

  async session(id: string): Promise<SessionRow | undefined> {
    const drafted = this.context.batch.sessions.get(id);
    return drafted === undefined ? read(this.context.store.sessions.find(id)) : (drafted ?? undefined);
  }

  async token(id: string): Promise<TokenRow | undefined> {
    return this.context.batch.tokens.get(id) ?? read(this.context.store.tokens.find(id));
  }

  /** A kernel that was not there before. */
  add(kernel: Kernel): void {
    this.#put(undefined, kernel, true);
  }

  /**
   * Lets something happen to a kernel, with all that follows from it.
   *
   * @throws Problem where the kernel's state does not allow it
   */
  happen(kernel: Kernel, happening: Happening): Kernel {
    const result = transition(kernel, happening, this.now);
    if (result.outcome === 'refused') throw result.problem;
    if (result.outcome === 'unchanged') return kernel;
    this.#put(kernel, result.kernel, happening.kind !== 'activity');
    const command = commandFor(kernel, result.kernel, happening, this.context.graceSeconds);
    if (command) this.tell(command);
    if (happening.kind === 'kept') this.changes.coreEvents.push({ kind: 'kept', id: kernel.id });
    // It was evicted, and enters its queue again.
    if (result.kernel.phase === 'ended') return this.happen(result.kernel, { kind: 'requeued' });
    return result.kernel;
  }

  /** Whether the batch changes the configuration of scheduling already. */
  get configures(): boolean {
    return this.context.batch.scheduling !== null;
  }

  /** Another configuration of scheduling, from the next commit on. */
  configure(version: SchedulingVersion): void {
    this.changes.scheduling = version;
  }

  /** Notes what kernels made like this one say of themselves. */
  learn(kernel: Kernel, info: KernelInfo): void {
    this.changes.kernelInfos.set(kernel.id, { of: kernel, info });
  }

  /** Notes that the message of this id has its effect with this. */
  received(id: string): void {
    this.changes.received.push({ id, at: this.now });
  }

  tell(message: Message): void {
    this.changes.messages.push(message);
  }

  #put(before: Kernel | undefined, after: Kernel, notable: boolean): void {
    this.changes.kernels.set(after.id, after);
    if (notable) this.changes.notable.add(after.id);
    if (isGone(after)) this.changes.sessionlessKernels.add(after.id);
    const event = coreEventFor(before, after, this.context.known.document.config);
    if (event) this.changes.coreEvents.push(event);
  }
}

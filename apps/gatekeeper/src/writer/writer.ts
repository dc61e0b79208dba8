import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type Kernel, type KernelId, Problem, Unavailable } from '#libs/contracts';
import { CLOCK, type Clock } from '#libs/domain';
import { fullCore } from '#libs/scheduling';
import { Deposed, type Message, type OutboxEntry, STORE, type Store } from '#libs/store';
import { GATEKEEPER_CONFIG, type GatekeeperConfig } from '../gatekeeper-parts.js';
import { carryOut, wantedOf } from '../scheduling/carry-out.js';
import { batchOf, passingNews } from './batch-of.js';
import { Changes } from './changes.js';
import { Draft, type DraftContext, StoreAway } from './draft.js';
import { idleEvents } from './idle-events.js';
import { Known } from './known.js';
import { Origins } from './origins.js';

/** Judges against the draft and changes it; the answer is read after the commit. A Problem thrown refuses it. */
export type Work<T> = (draft: Draft) => Promise<() => T>;

/** What a commit leaves to do. */
export interface Committed {
  kernels: readonly Kernel[];
  /** On disk until they are delivered. */
  entries: readonly OutboxEntry[];
  passing: readonly Message[];
  /** Idle kernels whose place is needed, as of now. */
  wanted: readonly KernelId[];
  /** Whether other spares are to stand than before. */
  spares: boolean;
}

interface Queued {
  work: Work<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** A fact can't be refused: it waits for a store that is away. */
  mustHappen: boolean;
  /** Of the message that it came by, where that may come again. */
  messageId?: string | undefined;
}

export interface FactOptions {
  /** It may wait a second for other work. */
  soon?: boolean;
  /** The fact is taken up once, however often the message comes. */
  messageId?: string | undefined;
}

/** What a batch comes to. */
interface Decided {
  changes: Changes;
  wanted: KernelId[];
  spares: boolean;
}

/** Work of one commit; more waits for the next, so that no answer waits for ever on a flood. */
const BATCH = 500;
/** How long work may wait for company that nobody waits for. */
const SOON_MS = 1_000;
const RETRY_MS = 1_000;
/** Between two times that past use is stored. */
const SHARES_MS = 10_000;

/**
 * The single writer. All that comes while a commit is under way goes into the next one: commands and facts become
 * transitions, the core steps once, everything is written in one transaction, and only then is anything answered.
 */
@Injectable()
export class Writer implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  #queue: Queued[] = [];
  #delivered: number[] = [];
  #coreEvents: fullCore.CoreEvent[] = [];
  readonly #origins = new Origins();
  #sharesAt = 0;
  #listeners: ((committed: Committed) => void)[] = [];
  #startListeners: ((kernels: Iterable<Kernel>) => void)[] = [];
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #wanted = false;
  #started = false;
  #closed = false;
  #stale = false;
  #deposed = false;

  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly known: Known,
    @Inject(GATEKEEPER_CONFIG) private readonly config: GatekeeperConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Called after each commit, in commit order. */
  onCommit(listener: (committed: Committed) => void): void {
    this.#listeners.push(listener);
  }

  /** Called with the living kernels when the work begins. */
  onStart(listener: (kernels: Iterable<Kernel>) => void): void {
    this.#startListeners.push(listener);
  }

  /** Reads the rows and begins to work. */
  async start(): Promise<void> {
    this.#coreEvents = await this.known.load();
    for (const listener of this.#startListeners) listener(this.known.kernels.values());
    this.#started = true;
    this.#wake();
  }

  get started(): boolean {
    return this.#started;
  }

  /** Resolves with the answer when its effect is on disk. @throws the Problem of the work; Unavailable: not written */
  command<T>(work: Work<T>): Promise<T> {
    if (this.#deposed || this.#closed) return Promise.reject(away());
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject, mustHappen: false });
      this.#wake();
    });
  }

  /** Resolves when the fact is on disk, however long that takes. */
  fact(work: (draft: Draft) => Promise<void>, { soon = false, messageId }: FactOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const nothing = (): void => undefined;
      const queued = async (draft: Draft): Promise<() => void> => work(draft).then(() => nothing);
      this.#queue.push({ work: queued, resolve: () => resolve(), reject, mustHappen: true, messageId });
      if (soon) this.#wakeIn(SOON_MS);
      else this.#wake();
    });
  }

  /** Lets the core know of something that is no change of a row. */
  tell(events: readonly fullCore.CoreEvent[]): void {
    if (events.length === 0) return;
    this.#coreEvents.push(...events);
    this.#wake();
  }

  /** Notes that an outbox entry needs no delivery any more; it goes with a later commit. */
  delivered(seq: number): void {
    this.#delivered.push(seq);
    this.#wakeIn(SOON_MS);
  }

  /** Writes what is left. */
  async onModuleDestroy(): Promise<void> {
    await this.#running;
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelLook?.();
    if (this.#started && !this.#deposed) await this.#commit(this.#queue.splice(0));
  }

  #wakeIn(ms: number): void {
    this.#cancelTimer ??= this.clock.after(ms, () => {
      this.#cancelTimer = undefined;
      this.#wake();
    });
  }

  #wake(): void {
    this.#wanted = true;
    if (!this.#started || this.#running || this.#deposed || this.#closed) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#wanted) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // What arrived together is committed together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#wanted = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    do {
      const written = await this.#commit(this.#queue.splice(0, BATCH));
      if (!written) return this.#wakeIn(RETRY_MS);
    } while (this.#queue.length > 0);
  }

  /** @returns false where the store is away */
  async #commit(work: Queued[]): Promise<boolean> {
    const now = this.clock.now();
    const settle: (() => void)[] = [];
    const delivered = this.#delivered.splice(0);
    let changes: Changes;
    let wanted: KernelId[];
    let spares: boolean;
    let entries: OutboxEntry[] = [];
    const reread = this.#stale;
    try {
      if (this.#stale) {
        this.#coreEvents = await this.known.load();
        this.#origins.renew();
      }
      this.#stale = false;
      ({ changes, wanted, spares } = await this.#decide(work, now, settle));
      if (!changes.empty || delivered.length > 0) entries = await this.store.commit(batchOf(changes, delivered));
    } catch (error) {
      this.#fail(error, work, delivered);
      return false;
    }
    this.known.follow(changes.kernels.values());
    if (changes.input) this.#origins.logged(now, changes.input.origin !== undefined);
    if (changes.scheduling) {
      this.tell(this.known.configure(changes.scheduling));
      this.#origins.renew();
    }
    const kernels = [...changes.kernels.values()];
    // A core that was made anew has said all it says of spares before anybody listens.
    spares ||= reread || changes.scheduling !== null;
    for (const listener of this.#listeners)
      listener({ kernels, entries, passing: passingNews(changes), wanted, spares });
    for (const done of settle) done();
    return true;
  }

  async #decide(work: Queued[], now: number, settle: (() => void)[]): Promise<Decided> {
    const batch = new Changes();
    const context = {
      now,
      batch,
      known: this.known,
      store: this.store,
      graceSeconds: this.config.kernels.shutdownGraceSeconds,
    };
    batch.coreEvents.push(...this.#coreEvents.splice(0));
    const received = await this.#received(work);
    for (const queued of work) {
      const draft = new Draft(context);
      const { messageId } = queued;
      try {
        const again = messageId !== undefined && received.has(messageId);
        const answer = again ? () => undefined : await queued.work(draft);
        if (messageId !== undefined && !again && !draft.changes.empty) {
          received.add(messageId);
          draft.received(messageId);
        }
        batch.absorb(draft.changes);
        settle.push(() => queued.resolve(answer()));
      } catch (error) {
        if (error instanceof StoreAway) throw error;
        settle.push(() => queued.reject(error));
      }
    }
    return { changes: batch, ...(await this.#step(context)) };
  }

  /** Which of the messages had their effect already. */
  async #received(work: readonly Queued[]): Promise<Set<string>> {
    const ids = work.flatMap(({ messageId }) => messageId ?? []);
    return ids.length > 0 ? this.store.alreadyReceived(ids) : new Set();
  }

  /** Lets the core decide and carries it out. */
  async #step(context: DraftContext): Promise<Omit<Decided, 'changes'>> {
    const { batch, now } = context;
    const { core } = this.known;
    const waits = core.waiting.size > 0 || batch.coreEvents.some(({ kind }) => kind === 'submitted');
    if (waits && core.config.classes.some(({ evict }) => evict === 'reclaim')) {
      const kernelOf = (id: KernelId): Kernel | undefined => batch.kernels.get(id) ?? this.known.kernels.get(id);
      batch.coreEvents.push(...idleEvents(core, kernelOf));
    }
    if (batch.coreEvents.length === 0) return { wanted: [], spares: false };
    // As they are now: what its decisions tell it in turn comes too late for this step.
    const isDue = this.#origins.isDue(now, core.waiting.size + core.running.size);
    batch.input = { at: now, events: [...batch.coreEvents], ...(isDue ? this.#origin() : {}) };
    const { actions, lookAgainAt } = fullCore.step(core, batch.coreEvents, now);
    this.#lookAgainAt(lookAgainAt, now);
    for (const action of actions) {
      if (action.kind === 'warm') continue;
      const draft = new Draft(context);
      const kernel = await draft.kernel(action.id as KernelId);
      if (kernel) carryOut(draft, kernel, action, this.known.document.config === null);
      batch.absorb(draft.changes);
    }
    this.#storeShares(batch, actions, now);
    return { wanted: wantedOf(actions), spares: actions.some(({ kind }) => kind === 'warm') };
  }

  /** What the core knows before its step, with the configuration that it is made of. */
  #origin(): { origin: string } {
    const { core, document } = this.known;
    const { version, config } = document;
    return {
      origin: `{"version":${version},"config":${JSON.stringify(config)},"state":${fullCore.snapshotText(core)}}`,
    };
  }

  /** Past use, once in a while: what starts in between is counted from its row. */
  #storeShares(batch: Changes, actions: readonly fullCore.CoreAction[], now: number): void {
    if (now - this.#sharesAt < SHARES_MS || !actions.some(({ kind }) => kind === 'start')) return;
    this.#sharesAt = now;
    batch.shares = { at: now, shares: this.known.pastUse() };
  }

  #lookAgainAt(at: number | null, now: number): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    if (at === null) return;
    this.#cancelLook = this.clock.after(at - now, () => {
      this.#coreEvents.push({ kind: 'tick' });
      this.#wake();
    });
  }

  /** Nothing was written: whoever can ask again is told so, facts wait, and memory is read anew from the rows. */
  #fail(error: unknown, work: Queued[], delivered: number[]): void {
    this.#log.error(error);
    this.#deposed = error instanceof Deposed;
    this.#stale = true;
    this.#delivered.unshift(...delivered);
    for (const { reject, mustHappen } of work) if (!mustHappen) reject(away());
    this.#queue.unshift(...work.filter(({ mustHappen }) => mustHappen));
  }
}

const away = (): Problem =>
  new Unavailable('The store is away; nothing was changed. Try again in a moment.', { retryAfterSeconds: 1 });

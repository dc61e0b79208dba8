import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { z } from 'zod';
import type { CommandClient, EventContract } from '#libs/bus';
import { type CommandContract, GatekeeperEvents, type KernelId, LauncherCommands, Problem } from '#libs/contracts';
import { CLOCK, type Clock } from '#libs/domain';
import { type Message, type OutboxEntry, STORE, type Store } from '#libs/store';
import { GATEWAYS, type GatekeeperParts, LAUNCHER } from '../gatekeeper-parts.js';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';

type Deliverable = Message & Partial<Pick<OutboxEntry, 'seq'>>;

const RETRY_MS = 1_000;
const WARM = 'warm';
const commands = new Map<string, CommandContract<z.ZodType, z.ZodType>>(
  Object.values(LauncherCommands).map((contract) => [contract.pattern, contract]),
);
const events = new Map<string, EventContract<z.ZodType>>(
  Object.values(GatekeeperEvents).map((contract) => [contract.pattern, contract]),
);

/** The kernel that an event is about; those about none are in order among themselves. */
const aboutOf = ({ payload }: Deliverable): string =>
  String(payload['kernelId'] ?? (payload['kernel'] as { id?: string } | undefined)?.id ?? '');

/**
 * Delivers what was committed, each message until it is taken: in commit order for each kernel, or else a broker that takes
 * milliseconds to confirm would have hundreds of kernels wait for each other. Nothing goes to the launcher before it has been
 * told which kernels ought to live.
 */
@Injectable()
export class Delivery implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  readonly #gateways: readonly Pick<CommandClient, 'emit'>[];
  readonly #chains = new Map<string, Promise<void>>();
  readonly #cancelPauses = new Set<() => void>();
  #reconciled: Promise<void>;
  #begin: (reconciled: Promise<void>) => void = () => undefined;
  #closed = false;
  #warmAgain = false;
  /** Of nothing, nothing need be said. */
  #toldSpares = false;

  constructor(
    private readonly writer: Writer,
    private readonly known: Known,
    @Inject(STORE) private readonly store: Pick<Store, 'epoch'>,
    @Inject(LAUNCHER) private readonly launcher: Pick<CommandClient, 'send'>,
    @Inject(GATEWAYS) gateways: GatekeeperParts['gateways'],
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#gateways = [gateways].flat() as readonly Pick<CommandClient, 'emit'>[];
    this.#reconciled = new Promise((resolve) => {
      this.#begin = resolve;
    });
    writer.onCommit(({ entries, passing, spares }) => {
      this.deliver([...entries, ...passing]);
      if (spares) this.keepWarm();
    });
  }

  /** Tells the launcher where spares are to stand; one list at a time, and the newest where several wait. */
  keepWarm(): void {
    if (this.#chains.has(WARM)) this.#warmAgain = true;
    else this.#after(WARM, () => this.#tellSpares());
  }

  /** Tells the launcher which kernels ought to live; what it is told after that waits until it has taken it. */
  reconcile(kernelIds: readonly KernelId[], epoch: number): void {
    const { reconcile } = LauncherCommands;
    const input = { kernelIds: [...kernelIds], epoch };
    this.#reconciled = this.#untilTaken(
      reconcile.pattern,
      async () => void (await this.launcher.send(reconcile, input)),
    );
    this.#begin(this.#reconciled);
  }

  deliver(messages: readonly Deliverable[]): void {
    for (const message of messages) {
      if (message.destination === 'gateways')
        this.#after(`gateways ${aboutOf(message)}`, () => this.#toGateways(message));
      else this.#after(String(message.payload['kernelId']), () => this.#toLauncher(message));
    }
  }

  onModuleDestroy(): void {
    this.#closed = true;
    for (const cancel of this.#cancelPauses) cancel();
  }

  #after(chain: string, deliver: () => Promise<void>): void {
    const tail = (this.#chains.get(chain) ?? Promise.resolve())
      .then(() => (this.#closed ? undefined : deliver()))
      .catch((error: unknown) => this.#log.error(error))
      .finally(() => {
        if (this.#chains.get(chain) === tail) this.#chains.delete(chain);
      });
    this.#chains.set(chain, tail);
  }

  /** One gateway that hears it is enough: one that was away reads the store when it returns. */
  async #toGateways({ pattern, payload, seq }: Deliverable): Promise<void> {
    const contract = events.get(pattern);
    if (!contract) throw new Error(`no event ${pattern}`);
    const broken = contract.schema.safeParse(payload).error;
    // A bug of ours, which no repetition mends: the news that come after it must not wait for it.
    if (broken !== undefined) this.#log.error({ pattern, reason: broken.message, msg: 'an event breaks its contract' });
    else
      await this.#untilTaken(pattern, async () => {
        if (this.#gateways.length > 0)
          await Promise.any(this.#gateways.map((client) => client.emit(contract, payload)));
      });
    this.#done(seq);
  }

  async #tellSpares(): Promise<void> {
    await this.#reconciled;
    do {
      this.#warmAgain = false;
      const pools = this.known.spares();
      if (pools === undefined || (pools.length === 0 && !this.#toldSpares)) return;
      this.#toldSpares = true;
      const { keepWarm } = LauncherCommands;
      const input = { pools, epoch: this.store.epoch };
      await this.#untilTaken(keepWarm.pattern, async () => void (await this.launcher.send(keepWarm, input)));
    } while (this.#warmAgain && !this.#closed);
  }

  async #toLauncher({ pattern, payload, seq }: Deliverable): Promise<void> {
    await this.#reconciled;
    const contract = commands.get(pattern);
    if (!contract) throw new Error(`no command ${pattern}`);
    const kernelId = payload['kernelId'] as KernelId;
    const isLaunch = pattern === LauncherCommands.launchKernel.pattern;
    await this.#untilTaken(pattern, async () => {
      try {
        await this.launcher.send(contract, payload);
        if (isLaunch) this.#happened(kernelId, { kind: 'launchTaken' });
      } catch (error) {
        if (!(isLaunch && error instanceof Problem && error.status < 500)) throw error;
        this.#happened(kernelId, { kind: 'launchFailed', detail: error.detail });
      }
    });
    this.#done(seq);
  }

  #happened(kernelId: KernelId, happening: { kind: 'launchTaken' } | { kind: 'launchFailed'; detail: string }): void {
    if (this.#closed) return;
    const soon = happening.kind === 'launchTaken';
    const work = this.writer.fact(
      async (draft) => {
        const kernel = await draft.kernel(kernelId);
        if (kernel) draft.happen(kernel, happening);
      },
      { soon },
    );
    work.catch((error: unknown) => this.#log.error(error));
  }

  #done(seq: number | undefined): void {
    if (seq !== undefined && !this.#closed) this.writer.delivered(seq);
  }

  async #untilTaken(pattern: string, send: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; !this.#closed; tries += 1) {
      try {
        await send();
        return;
      } catch (error) {
        if (tries === 1) this.#log.warn({ pattern, reason: String(error) }, 'not delivered yet');
        await this.#pause();
      }
    }
    // Left in the outbox for the next start.
    await new Promise<never>(() => undefined);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(RETRY_MS, () => {
        this.#cancelPauses.delete(cancel);
        resolve();
      });
      this.#cancelPauses.add(cancel);
    });
  }
}

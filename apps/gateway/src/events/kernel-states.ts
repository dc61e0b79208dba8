import { Inject, Injectable, Logger } from '@nestjs/common';
import { finalize, Observable, ReplaySubject, share } from 'rxjs';
import { GatekeeperCommands, type Kernel, type KernelId, type WaitExplanation } from '#libs/contracts';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { CHANNEL_OPTIONS, type ChannelOptions, DEFAULT_TIMING } from '../channels/options.js';
import { mayWait } from '../kernels/may-wait.js';
import { GATEKEEPER, type Gatekeeper, KERNEL_EVENTS, type KernelEvents } from '../ports.js';

/** A kernel at one moment, and why it waits. */
export interface KernelState {
  kernel: Kernel;
  wait: WaitExplanation | null;
}

/** Kernels as they change. However many follow one here, the gatekeeper is asked why it waits as often as for one cell. */
@Injectable()
export class KernelStates {
  readonly #log = new Logger(KernelStates.name);
  readonly #followed = new Map<KernelId, Observable<KernelState>>();

  constructor(
    @Inject(KERNEL_EVENTS) private readonly events: KernelEvents,
    @Inject(KERNEL_READER) private readonly kernels: KernelReader,
    @Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper,
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
  ) {}

  /** Its present state, then each other one, whether its row changed or why it waits; complete when it has ended. */
  of(kernel: Kernel): Observable<KernelState> {
    const known = this.#followed.get(kernel.id);
    if (known) return known;
    const states = this.#watch(kernel).pipe(
      finalize(() => this.#followed.delete(kernel.id)),
      share({ connector: () => new ReplaySubject(1) }),
    );
    this.#followed.set(kernel.id, states);
    return states;
  }

  #watch(first: Kernel): Observable<KernelState> {
    const { explainEvery } = { ...DEFAULT_TIMING, ...this.options.timing };
    return new Observable((follower) => {
      let kernel = first;
      let told: KernelState | undefined;
      let looks = 0;
      let timer: NodeJS.Timeout | undefined;
      const look = async (): Promise<void> => {
        clearTimeout(timer);
        looks += 1;
        const mine = looks;
        const wait = mayWait(kernel) ? await this.#explain(kernel).catch(() => undefined) : null;
        // A newer look began: it tells the newer state.
        if (mine !== looks || follower.closed) return;
        // With the gatekeeper away the last explanation stands.
        tell({ kernel, wait: wait === undefined ? (told?.wait ?? null) : wait });
      };
      const tell = (state: KernelState): void => {
        const same =
          told?.kernel.revision === state.kernel.revision && JSON.stringify(told.wait) === JSON.stringify(state.wait);
        told = state;
        if (!same) follower.next(state);
        if (kernel.phase === 'ended') follower.complete();
        else if (mayWait(kernel)) timer = setTimeout(() => void look(), explainEvery);
      };
      const changed = (row: Kernel): void => {
        if (row.revision <= kernel.revision) return;
        kernel = row;
        void look();
      };
      const stopListening = this.events.on(first.id, { changed });
      void look();
      // What changed before anybody listened.
      this.kernels.find(first.id).then(
        (row) => row && changed(row),
        (error) => this.#log.warn({ kernelId: first.id, msg: 'the store could not be read', reason: String(error) }),
      );
      return () => {
        clearTimeout(timer);
        stopListening();
      };
    });
  }

  #explain({ id }: Kernel): Promise<WaitExplanation | null> {
    return this.gatekeeper.send(GatekeeperCommands.explainKernel, { kernelId: id });
  }
}

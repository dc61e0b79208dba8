import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '#libs/domain';
import { type TypicalSet, typicalSet } from '#libs/scheduling';
import { STORE, type Store } from '#libs/store';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';
import { typicalRequest } from './typical-request.js';

const EVERY_MS = 3_600_000;
const LOOKS_BACK_MS = 7 * 86_400_000;
/** More say nothing new. */
const MOST = 20_000;
/** Rows that are read at once: nobody's commit waits for long. */
const PAGE = 500;

/**
 * Tells the core what work usually looks like: what was admitted in the last seven days, looked at each hour, at the start,
 * and under another configuration. Placement leaves room for it.
 */
@Injectable()
export class TypicalService implements OnModuleDestroy {
  readonly #log = new Logger('Gatekeeper');
  #cancel: () => void = () => undefined;
  #turn: Promise<void> = Promise.resolve();
  /** Of the configuration that was looked at: another one may have other models. */
  #version = 0;
  #closed = false;

  constructor(
    private readonly writer: Writer,
    private readonly known: Known,
    @Inject(STORE) private readonly store: Pick<Store, 'admissions'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    writer.onStart(() => this.#look());
    writer.onCommit(() => {
      if (this.known.document.version !== this.#version) this.#look();
    });
  }

  onModuleDestroy(): void {
    this.#closed = true;
    this.#cancel();
  }

  #look(): void {
    this.#version = this.known.document.version;
    this.#cancel();
    this.#cancel = this.clock.after(EVERY_MS, () => this.#look());
    this.#turn = this.#turn.then(() => this.#refresh()).catch((error: unknown) => this.#log.error(error));
  }

  async #refresh(): Promise<void> {
    const shapes = await this.#typical();
    if (this.#closed || JSON.stringify(shapes) === JSON.stringify(this.known.core.typical)) return;
    this.writer.tell([{ kind: 'typical', shapes }]);
  }

  /** Nothing where there is no GPU to be left whole. */
  async #typical(): Promise<TypicalSet> {
    const { config } = this.known.document;
    if (!config?.flavors.some(({ kind }) => kind === 'gpu')) return [];
    const since = this.clock.now() - LOOKS_BACK_MS;
    const past: ReturnType<typeof typicalRequest>[] = [];
    let before: { at: number; id: string } | null = null;
    while (past.length < MOST && !this.#closed) {
      const page: Awaited<ReturnType<Store['admissions']>> = await this.store.admissions(since, before, PAGE);
      for (const admission of page) past.push(typicalRequest(admission, config));
      const last = page.at(-1);
      if (!last || page.length < PAGE) break;
      before = { at: last.at, id: last.id };
    }
    return typicalSet(past);
  }
}

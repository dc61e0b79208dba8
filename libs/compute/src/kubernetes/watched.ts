import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesListObject, type KubernetesObject, Watch } from '@kubernetes/client-node';
import type { HostLog } from '../process/process-host-options.js';
import { outage } from './calls.js';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2000;
const GONE = 410;
const FORBIDDEN = 403;
/** A list that takes longer is told of: an API server behind a firewall answers nothing at all. */
const PATIENCE_MS = 1500;
/** Objects that are listed together: a whole cluster at once would be hundreds of megabytes in memory. */
const PAGE = 500;

/** Which part of a list, as the API server has it. */
export interface ListPage {
  readonly limit: number;
  /** Where the page before ended. */
  readonly _continue?: string;
}

export interface WatchedOptions<T extends KubernetesObject> {
  watch: Watch;
  /** Of the collection, e.g. `/api/v1/pods`. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  list(page: ListPage): Promise<KubernetesListObject<T>>;
  /** What is kept of each, its name with it: less of it takes less memory. */
  keep(object: T): T;
  onChange(object: T): void;
  onGone(object: T): void;
  /** Why the API server can't be followed, as a sentence; null: it can. Told at each change. */
  onOutage?(reason: string | null): void;
  log: HostLog;
}

/**
 * A collection of the API server as it is: listed once, then followed. A stream that ends is resumed where it was; when
 * the server no longer knows that place, the collection is listed anew and the difference told. Never a poll.
 */
export class Watched<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  #version: string | undefined;
  #closed = false;
  #close = (): void => {};
  readonly #whenClosed = new Promise<undefined>((resolve) => {
    this.#close = () => resolve(undefined);
  });
  #controller: AbortController | undefined;
  readonly #done: Promise<void>;
  #listed = (): void => {};
  /** Resolves when what there is has been told. */
  readonly listed = new Promise<void>((resolve) => {
    this.#listed = resolve;
  });

  #refused = (): void => {};
  /** Resolves when what there is has been told, or the API server has said that we may not know. */
  readonly answered = Promise.race([
    this.listed,
    new Promise<void>((resolve) => {
      this.#refused = resolve;
    }),
  ]);
  isListed = false;
  #outage: string | null = null;

  constructor(private readonly options: WatchedOptions<T>) {
    this.#done = this.#follow();
  }

  /** What is kept of one; as of the last change told. */
  kept(name: string, namespace = ''): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** What is kept of each, as of the last change told. */
  get objects(): readonly T[] {
    return [...this.#objects.values()];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#close();
    this.#controller?.abort();
    await this.#done;
  }

  async #follow(): Promise<void> {
    let wait = FIRST_WAIT_MS;
    while (!this.#closed) {
      try {
        if (this.#version === undefined) await this.#list();
        await this.#stream();
        wait = FIRST_WAIT_MS;
      } catch (error) {
        if (this.#closed) return;
        const { message, statusCode, code } = error as Error & { statusCode?: number; code?: number };
        if (statusCode === GONE || code === GONE) this.#version = undefined;
        else {
          if (statusCode === FORBIDDEN || code === FORBIDDEN) this.#refused();
          this.#tellOutage(outage(error) ?? null);
          this.options.log.info({ path: this.options.path, reason: message }, 'the API server can not be followed');
          await delay(wait, undefined, { ref: false });
          wait = Math.min(2 * wait, LONGEST_WAIT_MS);
        }
      }
    }
  }

  async #list(): Promise<void> {
    const before = new Set(this.#objects.keys());
    let page: ListPage = { limit: PAGE };
    let version: string | undefined;
    for (;;) {
      const answer = await this.#page(page);
      if (answer === undefined || this.#closed) return;
      const { items, metadata } = answer;
      for (const object of items) {
        before.delete(keyOf(object));
        this.#take(object);
      }
      // All pages are of one moment, that of the first.
      version ??= metadata?.resourceVersion;
      if (!metadata?._continue) break;
      page = { limit: PAGE, _continue: metadata._continue };
    }
    for (const key of before) {
      const gone = this.#objects.get(key);
      if (gone !== undefined) this.#drop(gone);
    }
    this.#version = version;
    this.isListed = true;
    this.#listed();
  }

  /** @returns undefined where it is closed meanwhile */
  async #page(page: ListPage): Promise<KubernetesListObject<T> | undefined> {
    const { path, list } = this.options;
    const late = `The API server of the cluster has not answered for ${PATIENCE_MS / 1000} s (${path}).`;
    const timer = setTimeout(() => this.#tellOutage(late), PATIENCE_MS).unref();
    const answer = await Promise.race([list(page), this.#whenClosed]).finally(() => clearTimeout(timer));
    this.#tellOutage(null);
    return answer;
  }

  /** Resolves when the stream ends in good order. */
  async #stream(): Promise<void> {
    const { watch, path, labelSelector, fieldSelector } = this.options;
    const query = { allowWatchBookmarks: true, resourceVersion: this.#version, labelSelector, fieldSelector };
    let failure: unknown;
    await new Promise<void>((resolve, reject) => {
      const onLine = (change: string, object: T & { code?: number; message?: string }): void => {
        if (change === 'ERROR') {
          failure = Object.assign(new Error(object.message ?? 'the watch failed'), { code: object.code });
          this.#controller?.abort();
          return;
        }
        this.#version = object.metadata?.resourceVersion ?? this.#version;
        if (change === 'DELETED') this.#drop(object);
        else if (change !== 'BOOKMARK') this.#take(object);
      };
      const onEnd = (error: unknown): void => {
        if (failure !== undefined) reject(failure);
        // A quiet stream is ended by its own client, and goes on where it was.
        else if (error instanceof Error && error.name !== 'TimeoutError') reject(error);
        else resolve();
      };
      watch.watch(path, query, onLine, onEnd).then((controller) => {
        this.#controller = controller;
        this.#tellOutage(null);
        if (this.#closed || failure !== undefined) controller.abort();
      }, reject);
    });
  }

  #tellOutage(reason: string | null): void {
    if (this.#closed || this.#outage === reason) return;
    this.#outage = reason;
    this.options.onOutage?.(reason);
  }

  #take(object: T): void {
    this.#objects.set(keyOf(object), this.options.keep(object));
    this.options.onChange(object);
  }

  #drop(object: T): void {
    this.#objects.delete(keyOf(object));
    this.options.onGone(object);
  }
}

const keyOf = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

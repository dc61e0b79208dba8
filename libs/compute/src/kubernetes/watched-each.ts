import type { KubernetesObject } from '@kubernetes/client-node';
import { Watched, type WatchedOptions } from './watched.js';

/** A collection of each of several namespaces: one watch for each, which needs no right on the cluster. */
export class WatchedEach<T extends KubernetesObject> {
  readonly #watched: ReadonlyMap<string, Watched<T>>;

  constructor(namespaces: readonly string[], optionsOf: (namespace: string) => WatchedOptions<T>) {
    this.#watched = new Map(namespaces.map((namespace) => [namespace, new Watched(optionsOf(namespace))]));
  }

  get objects(): readonly T[] {
    return [...this.#watched.values()].flatMap(({ objects }) => objects);
  }

  /** Resolves when what there is in all namespaces has been told. */
  get listed(): Promise<unknown> {
    return Promise.all([...this.#watched.values()].map(({ listed }) => listed));
  }

  /** The same of one of them. */
  listedIn(namespace: string): Promise<void> | undefined {
    return this.#watched.get(namespace)?.listed;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((one) => one.close()));
  }
}

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

  /** Resolves when what there is in each namespace has been told, or that we may not know. */
  get answered(): Promise<unknown> {
    return Promise.all([...this.#watched.values()].map(({ answered }) => answered));
  }

  /** The same of one of them. */
  answeredIn(namespace: string): Promise<void> | undefined {
    return this.#watched.get(namespace)?.answered;
  }

  /** Those whose objects are known. */
  get readable(): string[] {
    return [...this.#watched].filter(([, { isListed }]) => isListed).map(([namespace]) => namespace);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((one) => one.close()));
  }
}

import {
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
  type V1PodList,
  type V1Secret,
} from '@kubernetes/client-node';
import type { KernelId } from '#libs/contracts';
import { deleted, isThere, persistently, sentenceOf, statusOf } from './calls.js';
import { podName } from './manifest.js';
import type { ListPage } from './watched.js';

/** A pod and its secret, which have one name. */
export interface PodRef {
  /** Under which it was made. */
  readonly podId: KernelId;
  readonly namespace: string;
}

/** Of the collection, for a watch. */
export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;

/** The calls by which kernels' pods and secrets are made, listed and removed. */
export class PodApi {
  readonly core: CoreV1Api;

  constructor(
    config: KubeConfig,
    private readonly labelSelector: string,
    /** Whether the API server may have just come back. */
    private readonly isBack: () => boolean,
  ) {
    this.core = config.makeApiClient(CoreV1Api);
  }

  listPodsIn(namespace: string, page?: ListPage): Promise<V1PodList> {
    return this.core.listNamespacedPod({ namespace, labelSelector: this.labelSelector, ...page });
  }

  listPods(namespaces: readonly string[]): Promise<V1Pod[]> {
    return listAll(namespaces, (namespace) => this.listPodsIn(namespace));
  }

  listSecrets(namespaces: readonly string[]): Promise<V1Secret[]> {
    const { labelSelector } = this;
    return listAll(namespaces, (namespace) => this.core.listNamespacedSecret({ namespace, labelSelector }));
  }

  /** One that is there already was made by us: then its pod may be, too. */
  async makeSecret(body: V1Secret, patienceMs = 0): Promise<V1Secret> {
    const { namespace = '', name = '' } = body.metadata ?? {};
    try {
      return await persistently(() => this.core.createNamespacedSecret({ namespace, body }), this.#again, patienceMs);
    } catch (error) {
      if (!isThere(error)) throw error;
      return persistently(() => this.core.readNamespacedSecret({ namespace, name }), this.#again, patienceMs);
    }
  }

  async makePod(body: V1Pod, patienceMs = 0): Promise<V1Pod> {
    const { namespace = '', name = '' } = body.metadata ?? {};
    // A new namespace has no account yet; its controller makes one.
    const again = (error: unknown) =>
      this.#again(error) || (statusOf(error) === 403 && /service ?account/.test(sentenceOf(error)));
    try {
      return await persistently(() => this.core.createNamespacedPod({ namespace, body }), again, patienceMs);
    } catch (error) {
      if (!isThere(error)) throw error;
      return persistently(() => this.core.readNamespacedPod({ namespace, name }), again, patienceMs);
    }
  }

  /** One that has just come back refuses what it has not read the rights for yet. */
  readonly #again = (error: unknown): boolean =>
    statusOf(error) === 403 && / cannot \w+ resource /.test(sentenceOf(error)) && this.isBack();

  async label({ podId, namespace }: PodRef, labels: Record<string, string>): Promise<void> {
    const asMerge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    await this.core.patchNamespacedPod({ name: podName(podId), namespace, body: { metadata: { labels } } }, asMerge);
  }

  /** Deletes pod and secret. @returns whether there was a pod, of whose end a watch will tell */
  async remove(pod: PodRef, gracePeriodSeconds: number): Promise<boolean> {
    const { podId, namespace } = pod;
    const there = await this.removePod(pod, gracePeriodSeconds);
    await deleted(() => this.core.deleteNamespacedSecret({ name: podName(podId), namespace }), this.#again);
    return there;
  }

  /** @param uid  of the pod, where one that came after it under its name is to stay */
  async removePod({ podId, namespace }: PodRef, gracePeriodSeconds: number, uid?: string): Promise<boolean> {
    const body = { gracePeriodSeconds, ...(uid === undefined ? {} : { preconditions: { uid } }) };
    const isAnother = (error: unknown) => statusOf(error) === 409 && sentenceOf(error).includes('UID in precondition');
    return persistently(async () => {
      try {
        await this.core.deleteNamespacedPod({ name: podName(podId), namespace, body });
        return true;
      } catch (error) {
        if (statusOf(error) !== 404 && !isAnother(error)) throw error;
        return false;
      }
    }, this.#again);
  }
}

async function listAll<T>(
  namespaces: readonly string[],
  list: (namespace: string) => Promise<{ items: T[] }>,
): Promise<T[]> {
  const lists = await Promise.all(namespaces.map((namespace) => persistently(() => list(namespace))));
  return lists.flatMap(({ items }) => items);
}

import {
  CoreV1Api,
  type KubeConfig,
  type V1Pod,
  type V1PodList,
  type V1Secret,
  type V1SecretList,
} from '@kubernetes/client-node';
import { deleted, persistently, sentenceOf, statusOf } from './calls.js';

/** The calls by which kernels' pods and secrets are made, listed and removed; pod and secret have one name. */
export class PodApi {
  readonly core: CoreV1Api;

  constructor(
    config: KubeConfig,
    private readonly namespace: string,
    private readonly labelSelector: string,
  ) {
    this.core = config.makeApiClient(CoreV1Api);
  }

  /** Of the collection, for a watch. */
  get path(): string {
    return `/api/v1/namespaces/${this.namespace}/pods`;
  }

  listPods(): Promise<V1PodList> {
    const { namespace, labelSelector } = this;
    return this.core.listNamespacedPod({ namespace, labelSelector });
  }

  listSecrets(): Promise<V1SecretList> {
    const { namespace, labelSelector } = this;
    return this.core.listNamespacedSecret({ namespace, labelSelector });
  }

  /** One that is there already was made by us: then its pod may be, too. */
  async makeSecret(body: V1Secret): Promise<V1Secret> {
    const { namespace } = this;
    try {
      return await persistently(() => this.core.createNamespacedSecret({ namespace, body }));
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      return persistently(() => this.core.readNamespacedSecret({ namespace, name: body.metadata?.name ?? '' }));
    }
  }

  async makePod(body: V1Pod): Promise<V1Pod> {
    const { namespace } = this;
    // A new namespace has no account yet; its controller makes one.
    const again = (error: unknown) => statusOf(error) === 403 && /service ?account/.test(sentenceOf(error));
    try {
      return await persistently(() => this.core.createNamespacedPod({ namespace, body }), again);
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      return persistently(() => this.core.readNamespacedPod({ namespace, name: body.metadata?.name ?? '' }));
    }
  }

  /** Deletes pod and secret. @returns whether there was a pod, of whose end a watch will tell */
  async remove(name: string, gracePeriodSeconds: number): Promise<boolean> {
    const { namespace } = this;
    let there = true;
    const removePod = async () => {
      try {
        await this.core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds });
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        there = false;
      }
    };
    await persistently(removePod);
    await deleted(() => this.core.deleteNamespacedSecret({ name, namespace }));
    return there;
  }
}

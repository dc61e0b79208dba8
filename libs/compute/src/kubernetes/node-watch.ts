import { type CoreV1Api, type V1Node, type V1Pod, Watch } from '@kubernetes/client-node';
import type { NodesFact } from '../kernel-host.js';
import type { KubernetesHostOptions } from './kubernetes-host-options.js';
import { labelled } from './labelled.js';
import { LABEL } from './manifest.js';
import { named } from './named.js';
import { NodeReports } from './node-reports.js';
import { Watched } from './watched.js';

/** What nodes are told of together: a rollout changes many pods at once. */
const TOGETHER_MS = 200;

export interface NodeListeners {
  tell(fact: NodesFact): void;
  /** It is gone, or its kubelet has been silent for the cluster's grace period. */
  onLost(node: V1Node): void;
  /** Why the API server can't be followed, as a sentence; null: it can. */
  onOutage(reason: string | null): void;
}

/** Follows the nodes of a cluster and what pods of others hold of them, and tells of both. */
export class NodeWatch {
  /** With their labels alone. */
  readonly nodes: Watched<V1Node>;
  readonly #strangers: Watched<V1Pod>;
  readonly #reports: NodeReports;
  #telling: NodeJS.Timeout | undefined;
  /** Whoever listens knows them all, and is told of changes alone. */
  #areAllTold = false;
  #closed = false;

  constructor(
    { config, launcher, tolerations, deviceResources, log }: KubernetesHostOptions,
    core: CoreV1Api,
    private readonly listeners: NodeListeners,
  ) {
    this.#reports = new NodeReports(tolerations, deviceResources);
    this.nodes = new Watched<V1Node>({
      watch: new Watch(config),
      path: '/api/v1/nodes',
      list: (page) => core.listNode(page),
      keep: labelled,
      onChange: (node) => {
        // A kubelet writes its node every few minutes, mostly with nothing new for us.
        if (this.#reports.onNode(node)) this.#tellSoon();
        if (isSilent(node)) listeners.onLost(node);
      },
      onGone: (node) => {
        this.#reports.onNodeGone(node);
        this.#tellSoon();
        listeners.onLost(node);
      },
      onOutage: (reason) => listeners.onOutage(reason),
      log,
    });
    const labelSelector = `${LABEL.launcher}!=${launcher}`;
    this.#strangers = new Watched<V1Pod>({
      watch: new Watch(config),
      path: '/api/v1/pods',
      labelSelector,
      list: (page) => core.listPodForAllNamespaces({ labelSelector, ...page }),
      keep: named,
      onChange: (pod) => this.#reports.onPod(pod) && this.#tellSoon(),
      onGone: (pod) => this.#reports.onPodGone(pod) && this.#tellSoon(),
      log,
    });
  }

  /** To somebody who knows of none. */
  tellAll(): void {
    this.#areAllTold = false;
    this.#tellSoon();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#telling);
    await Promise.all([this.nodes.close(), this.#strangers.close()]);
  }

  #tellSoon(): void {
    if (this.#closed || this.#telling !== undefined) return;
    this.#telling = setTimeout(() => void this.#tell(), TOGETHER_MS).unref();
  }

  /** Once it is known what is there; a node without its strangers would look empty. */
  async #tell(): Promise<void> {
    await Promise.all([this.nodes.listed, this.#strangers.listed]);
    this.#telling = undefined;
    if (this.#closed) return;
    if (!this.#areAllTold) {
      this.#areAllTold = true;
      return this.listeners.tell({ kind: 'nodes', nodes: this.#reports.all() });
    }
    const { nodes, gone } = this.#reports.changes();
    // A pod of a node that is not there yet changes nothing.
    if (nodes.length + gone.length > 0) this.listeners.tell({ kind: 'nodes-changed', nodes, gone });
  }
}

/** Unknown says that its kubelet has been silent for the cluster's grace period. */
const isSilent = (node: V1Node): boolean =>
  node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown') === true;

import { Agent, request } from 'node:https';
import type { KubeConfig, V1Node, V1Pod } from '@kubernetes/client-node';

/** Requests under way at a time. */
const AT_A_TIME = 24;
/** What a kubelet says of the images it holds, by default. */
const IMAGES = 50;
const GIBI = 2 ** 30;

/** Amounts of each node. */
export const OF_A_NODE = { cpuMilli: 64_000, memoryBytes: 256 * GIBI };
/** What each pod of somebody else asks for. */
export const OF_A_POD = { cpuMilli: 500, memoryBytes: GIBI };
/** Namespace of those pods. */
export const CROWD = 'crowd';

export const nodeName = (index: number): string => `node-${String(index).padStart(5, '0')}`;

/** As large as real ones: labels, conditions and images as a kubelet writes them. */
export const aNode = (index: number): V1Node => ({
  metadata: {
    name: nodeName(index),
    labels: Object.fromEntries([
      ['kubernetes.io/hostname', nodeName(index)],
      ...Array.from({ length: 20 }, (_, label) => [`example.org/label-${label}`, `value-${index % 7}-${label}`]),
    ]),
  },
  spec: {},
  status: {
    allocatable: { cpu: '64', memory: '256Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    capacity: { cpu: '64', memory: '256Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
      ...{ type, status: type === 'Ready' ? 'True' : 'False', reason: 'Kubelet', message: `of ${type}` },
      ...{ lastHeartbeatTime: new Date(), lastTransitionTime: new Date() },
    })),
    images: Array.from({ length: IMAGES }, (_, image) => ({
      names: [
        `registry.example.org/team/image-${image}@sha256:${'0'.repeat(64)}`,
        `registry.example.org/team/image-${image}:1`,
      ],
      sizeBytes: 100_000_000 + image,
    })),
  },
});

/** Of somebody else, bound to a node; without one it waits. */
export const aStranger = (name: string, onNode?: string): V1Pod => ({
  metadata: { name, namespace: CROWD, labels: { app: name, 'app.kubernetes.io/part-of': 'crowd' } },
  spec: {
    ...(onNode === undefined ? {} : { nodeName: onNode }),
    containers: ['main', 'side'].map((container) => ({
      name: container,
      image: `registry.example.org/team/${container}:1`,
      env: Array.from({ length: 10 }, (_, at) => ({ name: `VARIABLE_${at}`, value: 'x'.repeat(40) })),
      resources: { requests: { cpu: '250m', memory: '512Mi' } },
    })),
  },
});

/** An API server as one that makes many objects speaks to it: by many connections, without a look at what comes back. */
export class CrowdMaker {
  readonly #agent: Agent;
  readonly #server: string;
  readonly #token: string;

  constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    this.#server = cluster?.server ?? '';
    this.#token = config.getCurrentUser()?.token ?? '';
    const ca = Buffer.from(cluster?.caData ?? '', 'base64');
    this.#agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME, ca });
  }

  /** Makes the namespace of the strangers, with the account that their pods need. */
  async prepare(): Promise<void> {
    await this.call('POST', '/api/v1/namespaces', { metadata: { name: CROWD } });
    await this.call('POST', `/api/v1/namespaces/${CROWD}/serviceaccounts`, { metadata: { name: 'default' } });
  }

  nodes(from: number, to: number): Promise<void> {
    return this.each(from, to, (index) => this.call('POST', '/api/v1/nodes', aNode(index)));
  }

  /** Spread over so many nodes. */
  pods(from: number, to: number, nodes: number): Promise<void> {
    return this.each(from, to, (index) => this.pod(aStranger(`pod-${index}`, nodeName(index % nodes))));
  }

  pod(body: V1Pod): Promise<void> {
    return this.call('POST', `/api/v1/namespaces/${CROWD}/pods`, body);
  }

  removePod(name: string): Promise<void> {
    return this.call('DELETE', `/api/v1/namespaces/${CROWD}/pods/${name}`, { gracePeriodSeconds: 0 });
  }

  /** Sets part of the status of an object, as its kubelet would. @param path  of the object */
  status(path: string, status: object): Promise<void> {
    return this.call('PATCH', `${path}/status`, { status });
  }

  /** Does it for every number from `from` up to `to`, many at a time. */
  async each(from: number, to: number, work: (index: number) => Promise<void>): Promise<void> {
    let next = from;
    const worker = async (): Promise<void> => {
      while (next < to) await work(next++);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @throws Error with what the API server said */
  private call(method: string, path: string, body: object): Promise<void> {
    const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    const text = JSON.stringify(body);
    const length = Buffer.byteLength(text);
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': type, 'content-length': length };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#server}${path}`, { method, headers, agent: this.#agent }, (response) => {
        if ((response.statusCode ?? 500) < 300) return response.resume().on('end', resolve);
        let said = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          said += chunk;
        });
        return response.on('end', () => reject(new Error(`${method} ${path}: ${response.statusCode} ${said}`)));
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }
}

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import {
  CoreV1Api,
  KubeConfig,
  RbacAuthorizationV1Api,
  type V1Node,
  type V1ServiceAccount,
  Watch,
} from '@kubernetes/client-node';
import { Child } from '../support/child.js';
import { root } from '../support/parts.js';
import { eventually } from '../support/processes.js';
import { ControlPlane, type Identity } from './control-plane.js';
import { cgroupsOf, killContainers, removeCgroup, unmountUnder } from './left-behind.js';
import { ClusterNetwork } from './network.js';
import { NodeFiles } from './node.js';
import { type Named, untilObject } from './until-object.js';

/** What `scripts/cluster-parts.mjs` says. */
export interface ClusterParts {
  kubebox: string;
  helm: string;
  plugins: string;
  images: { pause: string; kernel: string; agent: string };
}

/** Names of the images, as pods name them. */
export const IMAGES = {
  pause: 'beamgate.test/pause:dev',
  kernel: 'beamgate.test/kernel:dev',
  agent: 'beamgate.test/agent:dev',
};

/** Pods are placed on it. */
export const isReady = (node: V1Node): boolean =>
  !node.spec?.taints?.length &&
  node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

type Part = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet' | 'containerd';

/** A control plane and one node of real parts, in a network namespace and a folder of their own. */
export class Cluster {
  readonly nodeName: string;
  private readonly parts = new Map<Part, Child>();
  private readonly plane: ControlPlane;
  private readonly node: NodeFiles;

  private constructor(
    private readonly made: ClusterParts,
    private readonly folder: string,
    private readonly network: ClusterNetwork,
    private readonly nodeGraceSeconds: number,
    holdsStarts: boolean,
  ) {
    this.nodeName = network.name;
    this.plane = new ControlPlane(join(folder, 'plane'), network.address, this.nodeName);
    const parts = { plugins: made.plugins, pauseImage: IMAGES.pause, holdsStarts };
    this.node = new NodeFiles(join(folder, 'node'), network, parts, this.nodeName);
  }

  /**
   * Resolves when the node is ready, the images are there and pods may be made in `default`.
   *
   * @param nodeGraceSeconds  how long a silent node counts as ready
   * @param holdsStarts       containers of kernels can be held while they start
   */
  static start(nodeGraceSeconds = 40, holdsStarts = false): Promise<Cluster> {
    return Cluster.make(nodeGraceSeconds, holdsStarts, (cluster) => cluster.startAll());
  }

  /** etcd and the API server alone. Nobody touches what is made: nodes and pods of it are as their maker says. */
  static startPlane(): Promise<Cluster> {
    return Cluster.make(40, false, (cluster) => cluster.startPlane());
  }

  private static async make(
    nodeGraceSeconds: number,
    holdsStarts: boolean,
    start: (cluster: Cluster) => Promise<void>,
  ): Promise<Cluster> {
    const script = join(root, 'scripts', 'cluster-parts.mjs');
    const made = JSON.parse(
      execFileSync(process.execPath, [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    const name = `bg${randomBytes(4).toString('hex')}`;
    const folder = mkdtempSync(`/tmp/${name}-`);
    const cluster = new Cluster(made, folder, ClusterNetwork.make(name), nodeGraceSeconds, holdsStarts);
    try {
      await start(cluster);
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  /** Settings under `compute` of services whose kernels are pods here. */
  compute(namespace: string): object {
    return {
      host: 'kubernetes',
      kubeconfig: this.kubeconfig('broker'),
      namespace,
      agentImage: IMAGES.agent,
      images: { python3: { image: IMAGES.kernel } },
    };
  }

  /** Of a user of the API server. */
  config(identity: Identity = 'admin'): KubeConfig {
    const config = new KubeConfig();
    const caData = Buffer.from(this.plane.certificate()).toString('base64');
    config.loadFromOptions({
      clusters: [{ name: 'c', server: this.plane.url, caData }],
      users: [{ name: 'u', token: this.plane.token(identity) }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    return config;
  }

  get core(): CoreV1Api {
    return this.config().makeApiClient(CoreV1Api);
  }

  /** The first state of an object that `look` takes, now or to come; `path` is that of its collection. */
  until<T extends Named>(path: string, name: string, look: (object: T) => boolean, seconds = 60): Promise<T> {
    return untilObject<T>(new Watch(this.config()), path, name, look, seconds);
  }

  /** Makes a namespace under the restricted standard; resolves when pods may be made in it. */
  async makeNamespace(name: string): Promise<void> {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await this.core.createNamespace({ body: { metadata: { name, labels } } });
    await this.until<V1ServiceAccount>(`/api/v1/namespaces/${name}/serviceaccounts`, 'default', () => true);
  }

  /** Gives the service's user what it needs in namespaces, and the sight of nodes and of what is booked on them. */
  async allowBroker(...namespaces: string[]): Promise<void> {
    const rbac = this.config().makeApiClient(RbacAuthorizationV1Api);
    const subjects = [{ kind: 'User', name: 'beamgate', apiGroup: 'rbac.authorization.k8s.io' }];
    const roleRef = (kind: string) => ({ kind, name: 'beamgate', apiGroup: 'rbac.authorization.k8s.io' });
    const metadata = { name: 'beamgate' };
    const verbs = ['get', 'list', 'create', 'delete'];
    const rules = [
      { apiGroups: [''], resources: ['pods'], verbs: [...verbs, 'watch', 'patch'] },
      { apiGroups: [''], resources: ['secrets'], verbs },
      { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch'] },
    ];
    const seen = [{ apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list', 'watch'] }];
    for (const namespace of namespaces) {
      await rbac.createNamespacedRole({ namespace, body: { metadata, rules } });
      await rbac.createNamespacedRoleBinding({ namespace, body: { metadata, subjects, roleRef: roleRef('Role') } });
    }
    await rbac.createClusterRole({ body: { metadata, rules: seen } });
    await rbac.createClusterRoleBinding({ body: { metadata, subjects, roleRef: roleRef('ClusterRole') } });
  }

  /** Path of a file by which a user of the API server reaches it. */
  kubeconfig(identity: Identity): string {
    return this.plane.kubeconfig(identity);
  }

  /** What the service has asked of the API server so far, watches apart: `create pods` and such, in the order of the answers. */
  requests(): string[] {
    const lines = existsSync(this.plane.auditLog) ? readFileSync(this.plane.auditLog, 'utf8').split('\n') : [];
    return lines
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { verb: string; objectRef?: { resource: string } })
      .filter(({ verb }) => verb !== 'watch')
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
  }

  kubectl(...args: string[]): string {
    const config = `--kubeconfig=${this.plane.kubeconfig('admin')}`;
    return execFileSync(this.made.kubebox, ['kubectl', config, ...args], { encoding: 'utf8' });
  }

  /** @throws Error with what it said */
  helm(...args: string[]): string {
    const env = { ...process.env, HOME: this.folder, KUBECONFIG: this.plane.kubeconfig('admin') };
    try {
      return execFileSync(this.made.helm, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      throw new Error(String((error as { stderr: string }).stderr));
    }
  }

  /** Resolves when the container runtime has given up what a kubelet asked that was killed. */
  async untilForgotten(): Promise<void> {
    const sockets = `/proc/${this.parts.get('containerd')?.pid}/net/unix`;
    // Its end of a connection has the name that it listens at, in state 3.
    const isConnected = (line: string) => line.endsWith(` ${this.node.socket}`) && / 03 +\d+ /.test(line);
    const forgotten = () => !readFileSync(sockets, 'utf8').split('\n').some(isConnected) || undefined;
    await eventually('the runtime knows that its kubelet is gone', forgotten, 120);
  }

  /** Resolves when the container runtime has failed to start that container. */
  async notStarted(containerId: string): Promise<void> {
    await this.parts.get('containerd')?.prints(new RegExp(`StartContainer for \\S*${containerId}\\S* failed`));
  }

  /** @see NodeFiles.holdStart */
  holdStart(): { held: Promise<string>; release(): Promise<void> } {
    return this.node.holdStart();
  }

  /** Ends one part as a crash would. */
  async kill(part: Part): Promise<void> {
    await this.parts.get(part)?.end('SIGKILL');
  }

  /** Starts a part that was killed. */
  async restart(part: Part): Promise<void> {
    this.run(part);
    if (part === 'kube-apiserver') await this.apiServerReady();
  }

  /** Ends every part by its pid and removes every trace. */
  async end(): Promise<void> {
    for (const part of ['kubelet', 'containerd'] as const) await this.kill(part);
    await killContainers(this.node.folder, this.node.socket);
    await Promise.all([...this.parts.values()].map((part) => part.end('SIGKILL')));
    unmountUnder(this.folder);
    for (const group of cgroupsOf(this.nodeName)) removeCgroup(group);
    this.network.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async startPlane(): Promise<void> {
    this.run('etcd');
    this.run('kube-apiserver');
    await this.apiServerReady();
  }

  private async startAll(): Promise<void> {
    for (const group of cgroupsOf(this.nodeName)) mkdirSync(group, { recursive: true });
    this.run('etcd');
    this.run('kube-apiserver');
    const runtime = this.run('containerd');
    await runtime.prints(/containerd successfully booted/);
    const images = this.importImages();
    images.catch(() => {});
    await this.apiServerReady();
    for (const part of ['kube-controller-manager', 'kube-scheduler', 'kubelet'] as const) this.run(part);
    await images;
    await this.until<V1Node>('/api/v1/nodes', this.nodeName, isReady);
    await this.until<V1ServiceAccount>('/api/v1/namespaces/default/serviceaccounts', 'default', () => true);
  }

  private run(part: Part): Child {
    const args = {
      etcd: () => this.plane.etcd(),
      'kube-apiserver': () => this.plane.apiServer(),
      'kube-controller-manager': () => this.plane.controllers(this.nodeGraceSeconds),
      'kube-scheduler': () => this.plane.scheduler(),
      kubelet: () => this.node.kubelet(this.plane.kubeconfig('kubelet')),
      containerd: () => this.node.runtime(),
    }[part]();
    const own = part === 'containerd';
    const program: [string, string[]] = own ? [part, args] : [this.made.kubebox, [part, ...args]];
    const [command, all] = this.network.inside(...(part === 'kubelet' ? this.node.apart(...program) : program));
    const child = new Child(part, command, all, { logFile: join(this.folder, `${part}.log`), env: process.env });
    this.parts.set(part, child);
    return child;
  }

  private async importImages(): Promise<void> {
    for (const [name, file] of Object.entries(this.made.images)) {
      const args = ['--address', this.node.socket, '--namespace', 'k8s.io', 'images', 'import', '--no-unpack', file];
      const log = join(this.folder, 'images.log');
      const child = new Child(`import of ${name}`, 'ctr', args, { logFile: log, env: process.env });
      if ((await child.ended) !== 0) throw new Error(`The image ${name} could not be imported:\n${child.output}`);
    }
  }

  private async apiServerReady(): Promise<void> {
    const server = this.parts.get('kube-apiserver');
    await server?.prints(/Serving securely/);
    // It serves before it is ready and tells nobody when it is.
    await eventually('the API server is ready', () => this.answersReady(), 120);
  }

  private answersReady(): Promise<true | undefined> {
    const headers = { authorization: `Bearer ${this.plane.token('admin')}` };
    return new Promise((resolve) => {
      get(`${this.plane.url}/readyz`, { ca: this.plane.certificate(), headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200 ? true : undefined);
      }).on('error', () => resolve(undefined));
    });
  }
}

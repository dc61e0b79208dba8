import { setTimeout as elapse } from 'node:timers/promises';
import { Cluster } from '../../cluster/cluster.js';
import { aStranger, CrowdMaker, nodeName, OF_A_NODE, OF_A_POD } from '../../cluster/crowd.js';
import { RabbitServer } from '../../support/rabbit-server.js';
import { ServiceProcess } from '../../support/service-process.js';
import { cpuPercent, cpuSeconds } from '../service-cost.js';
import { proportionalSetSize } from '../subjects.js';
import { FactSink } from './fact-sink.js';
import type { Note, Part } from './part.js';

const NAMESPACE = 'kernels';
const PATIENCE_SECONDS = 300;
const SETTLE_MS = 5_000;
/** Of 5,000 kubelets, each of which writes its node every five minutes though nothing has changed. */
const HEARTBEATS_PER_SECOND = 17;
const POD_CHANGES_PER_SECOND = 20;

export interface InformerSizes {
  nodes: number;
  pods: number;
  /** How long nodes, and then pods, keep changing. */
  changingSeconds: number;
}

/** A launcher that follows a large cluster of a real API server: what it takes to be in sync, and to stay so. */
export const informers =
  (size: InformerSizes): Part =>
  async (note, say) => {
    const cluster = await Cluster.startPlane();
    const broker = await RabbitServer.start();
    const sink = await FactSink.start(broker.url);
    const maker = new CrowdMaker(cluster.config());
    const launcher = launcherOf(cluster, broker);
    try {
      await cluster.core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
      await cluster.allowBroker(NAMESPACE);
      await maker.prepare();
      await launcher.start();
      await elapse(SETTLE_MS);
      note('launcher, PSS with an empty cluster', 'MB', proportionalSetSize(launcher.pid) / 1e6, { most: 120 });
      await launcher.kill();
      const began = performance.now();
      await maker.nodes(0, size.nodes);
      await maker.pods(0, size.pods, size.nodes);
      say(`${size.nodes} nodes and ${size.pods} pods made in ${((performance.now() - began) / 1000).toFixed(0)} s`);
      await new Following(size, { cluster, sink, maker, launcher, note, say }).run();
    } finally {
      await launcher.kill();
      maker.close();
      await sink.close();
      await broker.remove();
      await cluster.end();
    }
  };

const launcherOf = (cluster: Cluster, broker: RabbitServer): ServiceProcess => {
  const kubeconfig = cluster.kubeconfig('broker');
  const images = { python3: { image: 'beamgate.test/kernel:dev' } };
  const compute = {
    host: 'kubernetes',
    kubeconfig,
    namespace: NAMESPACE,
    agentImage: 'beamgate.test/agent:dev',
    images,
  };
  const config = { bus: { url: broker.url }, store: { url: 'postgresql://nobody@127.0.0.1/none' }, compute };
  return new ServiceProcess({ kind: 'launcher', name: 'launcher', config });
};

interface Stage {
  cluster: Cluster;
  sink: FactSink;
  maker: CrowdMaker;
  launcher: ServiceProcess;
  note: Note;
  say: (line: string) => void;
}

/** The launcher's life with the cluster, from its start. */
class Following {
  constructor(
    private readonly size: InformerSizes,
    private readonly stage: Stage,
  ) {}

  async run(): Promise<void> {
    await this.#sync();
    await this.#change('heartbeat of a node', HEARTBEATS_PER_SECOND, (index) => this.#heartbeat(index));
    await this.#change('pod that comes or goes', POD_CHANGES_PER_SECOND, (index) => this.#podChange(index));
    const [percent = 0] = await cpuPercent([this.stage.launcher.pid], this.size.changingSeconds);
    this.stage.note('launcher, CPU at rest', '% of a core', percent);
    await this.#goOn('resumed', async () => {
      await this.stage.cluster.kill('kube-apiserver');
      await this.stage.cluster.restart('kube-apiserver');
    });
    const lists = this.#lists;
    await this.#goOn('listed anew', () => this.#forget());
    if (this.#lists === lists) throw new Error('The launcher did not list anew: what it had missed was still known.');
  }

  /** Requests for a part of a list so far. */
  get #lists(): number {
    return this.stage.cluster.requests().filter((request) => request === 'list pods').length;
  }

  async #sync(): Promise<void> {
    const { launcher, sink, note } = this.stage;
    const began = performance.now();
    await launcher.start();
    await sink.until(() => sink.nodes.size === this.size.nodes, PATIENCE_SECONDS);
    note('launcher, start to in sync', 's', (performance.now() - began) / 1000);
    note('launcher, CPU to be in sync', 's', cpuSeconds(launcher.pid));
    note('list of all nodes, told once', 'MB', sink.bytes / 1e6);
    await elapse(SETTLE_MS);
    this.#memory('in sync');
    const wrong = [...sink.nodes.values()].filter((node) => !this.#isRight(node)).length;
    note(`nodes of ${this.size.nodes} that are told with other amounts than are left`, 'nodes', wrong, { most: 0 });
  }

  #isRight({ id, cpuMilli, memoryBytes }: { id: string; cpuMilli: number; memoryBytes: number }): boolean {
    const { nodes, pods } = this.size;
    const index = Number(id.split('-')[1]);
    const held = Math.floor(pods / nodes) + (index < pods % nodes ? 1 : 0);
    const left = {
      cpu: OF_A_NODE.cpuMilli - held * OF_A_POD.cpuMilli,
      memory: OF_A_NODE.memoryBytes - held * OF_A_POD.memoryBytes,
    };
    return cpuMilli === left.cpu && memoryBytes === left.memory;
  }

  /** What each change costs, at a steady rate. */
  async #change(what: string, perSecond: number, change: (index: number) => Promise<void>): Promise<void> {
    const { launcher, sink, note } = this.stage;
    const count = perSecond * this.size.changingSeconds;
    const [began, cpu, facts, bytes] = [performance.now(), cpuSeconds(launcher.pid), sink.facts, sink.bytes];
    for (let index = 0; index < count; index += 1) {
      await change(index);
      await elapse(Math.max(0, began + ((index + 1) * 1000) / perSecond - performance.now()));
    }
    await elapse(1_000);
    const title = `${what}, ${count} at ${perSecond}/s`;
    note(`${title}, CPU of the launcher for each`, 'ms', ((cpuSeconds(launcher.pid) - cpu) / count) * 1000);
    note(`${title}, facts told`, 'facts', sink.facts - facts);
    note(`${title}, told together`, 'kB', (sink.bytes - bytes) / 1e3);
  }

  #heartbeat(index: number): Promise<void> {
    const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date() }];
    return this.stage.maker.status(`/api/v1/nodes/${nodeName(index % this.size.nodes)}`, { conditions });
  }

  #podChange(index: number): Promise<void> {
    const name = `new-${index - (index % 2)}`;
    const { maker } = this.stage;
    return index % 2 === 1 ? maker.removePod(name) : maker.pod(aStranger(name, nodeName(index % this.size.nodes)));
  }

  /** The watches are lost in some way; then a pod comes. */
  async #goOn(how: string, lose: () => Promise<void>): Promise<void> {
    const { sink, maker, note, launcher } = this.stage;
    await lose();
    const node = nodeName(this.size.nodes - 1);
    const before = sink.nodes.get(node)?.cpuMilli ?? 0;
    const [began, cpu] = [performance.now(), cpuSeconds(launcher.pid)];
    await maker.pod(aStranger(`after-${how.replaceAll(' ', '-')}`, node));
    await sink.until(() => (sink.nodes.get(node)?.cpuMilli ?? 0) < before, PATIENCE_SECONDS);
    note(`watches lost and ${how}: a new pod is told of after`, 's', (performance.now() - began) / 1000);
    note(`watches lost and ${how}: CPU of the launcher`, 's', cpuSeconds(launcher.pid) - cpu);
    await elapse(SETTLE_MS);
    this.#memory(`after its watches were lost and ${how}`);
  }

  /** What changed while the launcher did not look is no longer known to a new API server: it has to list. */
  async #forget(): Promise<void> {
    const { cluster, maker, launcher } = this.stage;
    process.kill(launcher.pid, 'SIGSTOP');
    try {
      await maker.pod(aStranger('unseen', nodeName(0)));
      await this.#heartbeat(0);
      await cluster.kill('kube-apiserver');
      await cluster.restart('kube-apiserver');
    } finally {
      process.kill(launcher.pid, 'SIGCONT');
    }
  }

  #memory(when: string): void {
    this.stage.note(`launcher, PSS ${when}`, 'MB', proportionalSetSize(this.stage.launcher.pid) / 1e6);
  }
}

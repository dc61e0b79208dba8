import { setTimeout as elapse } from 'node:timers/promises';
import type { Cluster } from '../../cluster/cluster.js';
import { aStranger, type CrowdMaker, nodeName, OF_A_NODE, OF_A_POD } from '../../cluster/crowd.js';
import type { ServiceProcess } from '../../support/service-process.js';
import { cpuPercent, cpuSeconds } from '../service-cost.js';
import { proportionalSetSize } from '../subjects.js';
import type { FactSink } from './fact-sink.js';
import type { Note } from './part.js';

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

export interface FollowingStage {
  cluster: Cluster;
  sink: FactSink;
  maker: CrowdMaker;
  launcher: ServiceProcess;
  note: Note;
  say: (line: string) => void;
}

/** The launcher's life with the cluster, from its start. */
export class Following {
  constructor(
    private readonly size: InformerSizes,
    private readonly stage: FollowingStage,
  ) {}

  async run(): Promise<void> {
    await this.#sync();
    await this.#change('heartbeat of a node', HEARTBEATS_PER_SECOND, (index) => this.#heartbeat(index));
    await this.#change('pod that comes or goes', POD_CHANGES_PER_SECOND, (index) => this.#podChange(index));
    const [percent = 0] = await cpuPercent([this.stage.launcher.pid], this.size.changingSeconds);
    this.stage.note('launcher, CPU at rest', '% of a core', percent);
    // Twice, for what it leaves in memory.
    for (const time of ['once', 'again']) await this.#loseServer(time);
  }

  /** Requests for a part of a list so far. */
  get #lists(): number {
    return this.stage.cluster.requests().filter((request) => /^list (pods|nodes)$/.test(request)).length;
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

  /** A new API server knows little of what was before its start: who followed the old one lists anew what changed since. */
  async #loseServer(time: string): Promise<void> {
    const { cluster, sink, maker, note, launcher } = this.stage;
    const [cpu, lists] = [cpuSeconds(launcher.pid), this.#lists];
    await cluster.kill('kube-apiserver');
    await cluster.restart('kube-apiserver');
    const node = nodeName(this.size.nodes - 1);
    const before = sink.nodes.get(node)?.cpuMilli ?? 0;
    const began = performance.now();
    await maker.pod(aStranger(`after-server-died-${time}`, node));
    await sink.until(() => (sink.nodes.get(node)?.cpuMilli ?? 0) < before, PATIENCE_SECONDS);
    const title = `API server killed ${time},`;
    note(`${title} from its return until a new pod is told of`, 's', (performance.now() - began) / 1000);
    await elapse(SETTLE_MS);
    note(`${title} parts of lists asked for`, 'requests', this.#lists - lists);
    note(`${title} CPU of the launcher`, 's', cpuSeconds(launcher.pid) - cpu);
    this.#memory(`after the API server was killed ${time}`);
  }

  #memory(when: string): void {
    this.stage.note(`launcher, PSS ${when}`, 'MB', proportionalSetSize(this.stage.launcher.pid) / 1e6);
  }
}

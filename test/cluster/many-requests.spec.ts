import { readdirSync, readFileSync } from 'node:fs';
import {
  everyRowEnded,
  type Kill,
  killsOfServices,
  manyRequests,
  mostAtOnce,
  wronged,
} from '../support/many-requests.js';
import { eventually } from '../support/processes.js';
import { say } from '../support/say.js';
import { ScaleOut } from '../support/scale-out.js';
import { Seeded } from '../support/seeded.js';
import { Cluster } from './cluster.js';

const FULL = process.env['BEAMGATE_FULL'] === '1';
const setting = (name: string, full: number, brief: number): number =>
  Number(process.env[`BEAMGATE_CHAOS_POD_${name}`] ?? (FULL ? full : brief));
const REQUESTS = setting('REQUESTS', 500, 24);
/** In brief each kind that a cluster brings, and one more. */
const KILLS = setting('KILLS', 40, 4);
const CAPACITY = 4;
const NAMESPACE = 'kernels';
const MEBI = 1024 * 1024;
const ORPHANS_SECONDS = 60;

describe(`${REQUESTS} requests for kernels in pods while ${KILLS} processes are killed`, () => {
  const random = new Seeded();
  let cluster: Cluster;
  let all: ScaleOut;

  beforeAll(async () => {
    cluster = await Cluster.start();
    await cluster.makeNamespace(NAMESPACE);
    await cluster.allowBroker(NAMESPACE);
    const requests = { cpuMilli: 50, memoryBytes: 64 * MEBI };
    all = await ScaleOut.start({
      config: {
        compute: cluster.compute(NAMESPACE),
        profiles: { small: { requests, limits: { cpuMilli: null, memoryBytes: 400 * MEBI } } },
        scheduling: { cpuMilli: 10_000, maxKernels: CAPACITY, maxKernelsPerUser: CAPACITY },
      },
      durable: true,
    });
  }, 1_200_000);
  afterAll(async () => {
    await all?.stop();
    await cluster?.end();
  }, 120_000);

  /** Agents of pods, as this machine numbers their processes. */
  const agents = (): { pid: number; kernelId: string }[] =>
    readdirSync('/proc').flatMap((pid) => {
      const [, kernelId] = /\0SPEC=\{"kernelId":"([^"]+)"/.exec(textOf(`/proc/${pid}/environ`)) ?? [];
      const isHere = kernelId !== undefined && textOf(`/proc/${pid}/cgroup`).includes(cluster.nodeName);
      return isHere ? [{ pid: Number(pid), kernelId }] : [];
    });
  const agentOf =
    (lost: Set<string>): Kill =>
    async () => {
      const victim = agents()[random.between(0, Math.max(0, agents().length - 1))];
      if (victim === undefined) return;
      lost.add(victim.kernelId);
      process.kill(victim.pid, 'SIGKILL');
    };
  const apiServer: Kill = async () => {
    await cluster.kill('kube-apiserver');
    await cluster.restart('kube-apiserver');
  };
  const kubelet: Kill = async () => {
    await cluster.kill('kubelet');
    await cluster.restart('kubelet');
  };

  it(
    'loses none, doubles none, tells every end rightly, and leaves no pod behind',
    async () => {
      say(`seed ${random.seed}`);
      const lost = new Set<string>();
      const ofCluster = { 'API server': apiServer, kubelet, agent: agentOf(lost) };
      const { outcomes, killed } = await manyRequests({
        gateways: all.gateways,
        requests: REQUESTS,
        atOnce: 2 * CAPACITY,
        kills: KILLS,
        kinds:
          KILLS > 4
            ? { ...killsOfServices(all, random), ...ofCluster }
            : { ...ofCluster, launcher: killsOfServices(all, random)['launcher'] as Kill },
        random,
        kernelspec: () => 'python3',
      });
      say(`killed: ${killed.join(', ')}; ${lost.size} kernels may be lost with their agent`);
      expect(killed).toHaveLength(KILLS);
      expect(outcomes).toHaveLength(REQUESTS);
      expect(wronged(outcomes, lost)).toEqual([]);
      await eventually('every row has ended', () => everyRowEnded(all));
      await eventually('no pod and no secret is left', nothingLeft, ORPHANS_SECONDS);
      expect(await mostAtOnce(all)).toBeLessThanOrEqual(CAPACITY);
    },
    FULL ? 3_600_000 : 600_000,
  );

  const nothingLeft = async (): Promise<true | undefined> => {
    const [pods, secrets] = await Promise.all([
      cluster.core.listNamespacedPod({ namespace: NAMESPACE }),
      cluster.core.listNamespacedSecret({ namespace: NAMESPACE }),
    ]);
    return pods.items.length + secrets.items.length === 0 ? true : undefined;
  };
});

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

import type { AllNodes, ChangedNodes } from '#libs/compute';
import type { NodeReport } from '#libs/contracts';
import { eventually } from '../support/processes.js';
import { Cluster } from './cluster.js';
import { aStranger, CROWD, CrowdMaker, nodeName, OF_A_NODE, OF_A_POD } from './crowd.js';
import { HostOfPods, NAMESPACE } from './host-of-pods.js';

const NODES = 60;
/** More than are listed together. */
const PODS = 1_100;

let cluster: Cluster;
let maker: CrowdMaker;
let pods: HostOfPods;
/** How many pods hold something of each node. */
const holding = new Map<string, number>();
let told: (AllNodes | ChangedNodes)[];
const known = new Map<string, NodeReport>();

beforeAll(async () => {
  cluster = await Cluster.startPlane();
  await cluster.core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
  await cluster.allowBroker(NAMESPACE);
  maker = new CrowdMaker(cluster.config());
  await maker.prepare();
  await maker.nodes(0, NODES);
  await maker.pods(0, PODS, NODES);
  for (let index = 0; index < PODS; index += 1) hold(nodeName(index % NODES), 1);
  await maker.pod(aStranger('waits'));
  pods = new HostOfPods(cluster);
}, 1_200_000);
afterAll(async () => {
  maker?.close();
  await cluster?.end();
}, 60_000);
beforeEach(async () => {
  await pods.use();
  told = [];
  known.clear();
  pods.host.onFact((fact) => {
    if (fact.kind !== 'nodes' && fact.kind !== 'nodes-changed') return;
    told.push(fact);
    if (fact.kind === 'nodes') known.clear();
    else for (const id of fact.gone) known.delete(id);
    for (const node of fact.nodes) known.set(node.id, node);
  });
  await inSync();
}, 60_000);
afterEach(() => pods.host.close());

const hold = (node: string, more: number) => holding.set(node, (holding.get(node) ?? 0) + more);
const asTold = (): [string, number, number][] =>
  [...known.values()].map(({ id, cpuMilli, memoryBytes }) => [id, cpuMilli, memoryBytes]);
const asIs = (): [string, number, number][] =>
  [...holding].map(([id, count]) => [
    id,
    OF_A_NODE.cpuMilli - count * OF_A_POD.cpuMilli,
    OF_A_NODE.memoryBytes - count * OF_A_POD.memoryBytes,
  ]);
const sorted = (rows: [string, number, number][]) => rows.sort(([a], [b]) => (a < b ? -1 : 1));
/** What was told comes to what is; with both where it does not. */
const inSync = async (): Promise<void> => {
  const same = () => JSON.stringify(sorted(asTold())) === JSON.stringify(sorted(asIs())) || undefined;
  await eventually('what is told is what is', same).catch(() => expect(sorted(asTold())).toEqual(sorted(asIs())));
};

it('tells of every node what strangers leave of it, then of those alone that change', async () => {
  expect(told.map(({ kind }) => kind)).toEqual(['nodes']);
  const [quiet, one, two, three, four] = [3, 5, 6, 7, 8].map(nodeName) as [string, string, string, string, string];
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date() }];
  await maker.status(`/api/v1/nodes/${quiet}`, { conditions });
  await maker.pod(aStranger('new', one));
  hold(one, 1);
  await maker.removePod(`pod-${6 + NODES}`);
  hold(two, -1);
  await maker.status(`/api/v1/namespaces/${CROWD}/pods/pod-7`, { phase: 'Succeeded' });
  hold(three, -1);
  await cluster.core.deleteNode({ name: four });
  holding.delete(four);
  await inSync();
  const changed = told
    .slice(1)
    .flatMap((fact) => [...fact.nodes.map(({ id }) => id), ...(fact.kind === 'nodes-changed' ? fact.gone : [])]);
  expect(new Set(changed)).toEqual(new Set([one, two, three, four]));
});

it('tells of all nodes who asks which kernels live, though none has changed', async () => {
  await pods.host.reconcile([]);
  await eventually('all are told again', () => told.length === 2 || undefined);
  expect(told[1]).toEqual(told[0]);
});

it('goes on where it was after the death of the API server', async () => {
  await cluster.kill('kube-apiserver');
  await cluster.restart('kube-apiserver');
  await maker.pod(aStranger('late', nodeName(9)));
  hold(nodeName(9), 1);
  await inSync();
  expect(told.slice(1).every(({ kind }) => kind === 'nodes-changed')).toBe(true);
}, 60_000);

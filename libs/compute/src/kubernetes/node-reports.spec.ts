import { expect, it } from '@jest/globals';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import fc from 'fast-check';
import { NodeReports } from './node-reports.js';
import { quantity } from './quantity.js';

const READY = [{ type: 'Ready', status: 'True' }];
const node = (name: string, more: object = {}, labels: Record<string, string> = {}): V1Node => ({
  metadata: { name, labels },
  spec: {},
  status: { conditions: READY as never, allocatable: { cpu: '8', memory: '16Gi', 'nvidia.com/gpu': '4' } },
  ...more,
});
const pod = (
  name: string,
  nodeName: string | undefined,
  requests: Record<string, string>,
  more: object = {},
): V1Pod => ({
  metadata: { name, namespace: 'others' },
  spec: {
    containers: [{ name: 'c', resources: { requests } }],
    ...(nodeName === undefined ? {} : { nodeName }),
    ...more,
  },
  status: { phase: 'Running' },
});

it.each([
  ['1500m', 1.5],
  ['2Gi', 2 ** 31],
  ['1e3', 1000],
  ['128974848', 128974848],
  ['0.5', 0.5],
  ['100k', 100_000],
  ['nonsense', 0],
  [undefined, 0],
])('reads %s as %d', (text, value) => expect(quantity(text)).toBe(value));

it('tells what strangers leave of a node, and gives back what they release', () => {
  const reports = new NodeReports([], {});
  reports.onNode(node('a', {}, { 'nvidia.com/gpu.product': 'A100' }));
  expect(reports.onPod(pod('waits', undefined, { cpu: '1' }))).toBe(false);
  expect(reports.onPod(pod('db', 'a', { cpu: '1500m', memory: '1Gi', 'nvidia.com/gpu': '1' }))).toBe(true);
  expect(reports.onPod(pod('db', 'a', { cpu: '1500m', memory: '1Gi', 'nvidia.com/gpu': '1' }))).toBe(false);
  const init = { initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }], overhead: { memory: '1Mi' } };
  reports.onPod(pod('web', 'a', { cpu: '1' }, init));
  const [report] = reports.all();
  expect(report).toMatchObject({ cpuMilli: 3_500, memoryBytes: 15 * 2 ** 30 - 2 ** 20, availability: 'open' });
  expect(report?.gpu).toEqual({ model: 'A100', devices: ['whole', 'whole', 'whole'] });
  const done = pod('db', 'a', {});
  reports.onPod({ ...done, status: { phase: 'Succeeded' } });
  reports.onPodGone(pod('web', 'a', {}));
  expect(reports.all()[0]).toMatchObject({ cpuMilli: 8_000, memoryBytes: 16 * 2 ** 30 });
  expect(reports.all()[0]?.gpu?.devices).toHaveLength(4);
});

it.each([
  ['open', {}],
  ['cordoned', { spec: { unschedulable: true } }],
  ['cordoned', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }],
  ['cordoned', { spec: { taints: [{ key: 'theirs', effect: 'NoSchedule' }] } }],
  ['open', { spec: { taints: [{ key: 'ours', value: 'yes', effect: 'NoSchedule' }] } }],
  ['open', { spec: { taints: [{ key: 'theirs', effect: 'PreferNoSchedule' }] } }],
  ['last', { spec: { taints: [{ key: 'DeletionCandidateOfClusterAutoscaler', effect: 'PreferNoSchedule' }] } }],
])('a node is %s with %j', (availability, more) => {
  const reports = new NodeReports([{ key: 'ours', operator: 'Equal', value: 'yes' }], {});
  reports.onNode(node('a', more));
  expect(reports.all()).toMatchObject([{ id: 'a', availability, gpu: null }]);
});

it('counts the same whatever came and went', () => {
  const deed = fc.record({
    name: fc.constantFrom('p', 'q', 'r'),
    on: fc.constantFrom('a', 'b', undefined),
    milli: fc.nat(900),
  });
  fc.assert(
    fc.property(fc.array(deed), (deeds) => {
      const reports = new NodeReports([], {});
      for (const name of ['a', 'b']) reports.onNode(node(name));
      const there = new Map<string, { on: string | undefined; milli: number }>();
      for (const { name, on, milli } of deeds) {
        // A pod never moves: another of its name comes after it has gone.
        if (there.get(name)?.on !== undefined) reports.onPodGone(pod(name, undefined, {}));
        reports.onPod(pod(name, on, { cpu: `${milli}m` }));
        there.set(name, { on, milli });
      }
      for (const { id, cpuMilli } of reports.all()) {
        const held = [...there.values()].filter(({ on }) => on === id).reduce((sum, { milli }) => sum + milli, 0);
        expect(cpuMilli).toBe(8_000 - held);
      }
    }),
  );
});

it('tells what is not as it was told last, and nothing of what a kubelet writes for others', () => {
  const reports = new NodeReports([], {});
  for (const name of ['a', 'b', 'c']) reports.onNode(node(name));
  reports.all();
  const beat = [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date(1) }] as never;
  const written = node('a');
  expect(reports.onNode({ ...written, status: { ...written.status, conditions: beat } })).toBe(false);
  expect(reports.changes()).toEqual({ nodes: [], gone: [] });
  reports.onPod(pod('db', 'b', { cpu: '1' }));
  reports.onPod(pod('early', 'd', { cpu: '2' }));
  reports.onNodeGone(node('c'));
  expect(reports.changes()).toMatchObject({ nodes: [{ id: 'b', cpuMilli: 7_000 }], gone: ['c'] });
  expect(reports.onNode(node('d'))).toBe(true);
  expect(reports.onNode(node('a', { spec: { unschedulable: true } }))).toBe(true);
  expect(reports.changes()).toMatchObject({
    nodes: [
      { id: 'a', availability: 'cordoned' },
      { id: 'd', cpuMilli: 6_000 },
    ],
    gone: [],
  });
});

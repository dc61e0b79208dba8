import { existsSync, readFileSync } from 'node:fs';
import type { V1Pod } from '@kubernetes/client-node';
import { processesWith } from '../support/processes.js';
import { Cluster, IMAGES } from './cluster.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);

it('runs a pod on its node and gives it an address of the cluster', async () => {
  const container = { name: 'pause', image: IMAGES.pause, imagePullPolicy: 'Never' };
  const body = { metadata: { name: 'smoke' }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } };
  await cluster.core.createNamespacedPod({ namespace: 'default', body });
  const path = '/api/v1/namespaces/default/pods';
  const running = await cluster.until<V1Pod>(path, 'smoke', ({ status }) => status?.phase === 'Running');
  expect(running.spec?.nodeName).toBe(cluster.nodeName);
  expect(running.status?.podIP).toMatch(/^10\./);
  // The kubelet's mounts reach its containers: this one is of the pod's account.
  const own = processesWith('/pause').filter((pid) =>
    readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(cluster.nodeName),
  );
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  expect(own.filter((pid) => existsSync(`/proc/${pid}/root${token}`))).toHaveLength(1);
});

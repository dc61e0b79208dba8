import { Cluster } from './cluster.js';
import { HostOfPods, NAMESPACE } from './host-of-pods.js';
import { startRequests } from './start-requests.js';

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  pods = new HostOfPods(cluster);
}, 1_200_000);
afterAll(async () => {
  await pods?.end();
  await cluster?.end();
}, 120_000);

it('asks the API server for a secret and a pod at each start; a warm one costs what takes its place, and a label', async () => {
  const made = ['create pods', 'create secrets'];
  await expect(startRequests(pods)).resolves.toEqual({
    cold: made,
    end: ['delete pods', 'delete secrets'],
    // Of the pod that takes the place of the one that was claimed, and the label of that one.
    warm: [...made, 'patch pods'],
  });
}, 300_000);

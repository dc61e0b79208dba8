import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { remove, temporaryFolder } from '../support/gateway.js';
import { describeNotebookServer } from '../support/notebook-suite.js';
import { RoundRobin } from '../support/round-robin.js';
import { ScaleOut } from '../support/scale-out.js';
import { Cluster } from './cluster.js';
import { makeClaim } from './volume.js';

jest.setTimeout(180_000);

const NAMESPACE = 'kernels';
const MEBI = 1024 * 1024;
/** Of notebooks, and at the same path in every pod, as a site's file system is. */
const shared = temporaryFolder('shared');

let cluster: Cluster;
let beamgate: ScaleOut;
let balancer: RoundRobin;

beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.makeNamespace(NAMESPACE);
  await cluster.allowBroker(NAMESPACE);
  await makeClaim(cluster, NAMESPACE, 'notebooks', shared);
  const requests = { cpuMilli: 50, memoryBytes: 64 * MEBI };
  beamgate = await ScaleOut.start({
    config: {
      compute: {
        ...cluster.compute(NAMESPACE),
        volumes: [{ name: 'notebooks', claim: 'notebooks', mountPath: shared }],
      },
      profiles: { small: { requests, limits: { cpuMilli: null, memoryBytes: 400 * MEBI } } },
      scheduling: { cpuMilli: 10_000 },
    },
  });
  balancer = await RoundRobin.start(beamgate.gateways);
}, 1_200_000);
afterAll(async () => {
  await balancer?.stop();
  await beamgate?.stop();
  await cluster?.end();
  remove(shared);
}, 120_000);

describeNotebookServer(async () => {
  const folder = mkdtempSync(join(shared, 'notebooks-'));
  for (const path of [shared, folder]) chmodSync(path, 0o777);
  return { gateway: balancer, folder };
});

it('was served by both gateways', () => {
  for (const connections of balancer.taken) expect(connections).toBeGreaterThan(10);
});

import { setTimeout as elapse } from 'node:timers/promises';
import { Cluster } from '../../cluster/cluster.js';
import { CrowdMaker } from '../../cluster/crowd.js';
import { RabbitServer } from '../../support/rabbit-server.js';
import { ServiceProcess } from '../../support/service-process.js';
import { proportionalSetSize } from '../subjects.js';
import { FactSink } from './fact-sink.js';
import { Following, type InformerSizes } from './following.js';
import type { Part } from './part.js';

const NAMESPACE = 'kernels';
const SETTLE_MS = 5_000;

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

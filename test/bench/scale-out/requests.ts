import { Cluster } from '../../cluster/cluster.js';
import { HostOfPods, NAMESPACE } from '../../cluster/host-of-pods.js';
import { startRequests } from '../../cluster/start-requests.js';
import type { Part } from './part.js';

const MOST = 4;

/** What the API server is asked for by one kernel, by its audit log. */
export const requests = (): Part => async (note, say) => {
  const cluster = await Cluster.start();
  try {
    await cluster.makeNamespace(NAMESPACE);
    await cluster.allowBroker(NAMESPACE);
    const pods = new HostOfPods(cluster);
    const { cold, end, warm } = await startRequests(pods);
    await pods.end();
    say(`cold: ${cold.join(', ')}; end: ${end.join(', ')}; warm: ${warm.join(', ')}`);
    note('API requests of a cold start', 'requests', cold.length, { most: MOST });
    note('API requests of a warm start, its refill with it', 'requests', warm.length, { most: MOST });
    note('API requests of the end of a kernel', 'requests', end.length);
  } finally {
    await cluster.end();
  }
};

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KernelHost, makeKubernetesHost, nextTerm, readKubeConfig } from '#libs/compute';
import { type Config, type Log, projectRoot } from '#libs/platform';
import { LINGER_SECONDS, UNCLAIMED_SECONDS } from './agent-times.js';
import { podNamespaces } from './pod-identity.js';
import { podPlace } from './pod-place.js';
import { podPools } from './pod-pools.js';

/** The host of a cluster. Its agents outlive the data folder, so the clock, too, says that this launcher is the latest. */
export async function podHost(config: Config, log: Log): Promise<KernelHost> {
  const { data, compute, channels } = config;
  return makeKubernetesHost({
    config: await readKubeConfig(compute.kubeconfig),
    launcher: compute.launcher,
    term: await nextTerm(join(data, 'run', 'pods-term'), Date.now()),
    agentImage: compute.agentImage,
    imagePullPolicy: compute.imagePullPolicy,
    boot: readFileSync(join(projectRoot(), 'agent', 'beamgate_agent', 'boot_pod.py'), 'utf8'),
    namespaces: podNamespaces(compute),
    place: podPlace(compute),
    tolerations: compute.tolerations,
    deviceResources: compute.deviceResources,
    pools: podPools(config, log),
    poolBudget: config.pools.budget,
    projectActiveSeconds: config.pools.projectActiveSeconds,
    ringBytes: channels.ringBytes,
    retentionSeconds: channels.retentionSeconds,
    orphanSeconds: channels.orphanSeconds,
    unclaimedSeconds: UNCLAIMED_SECONDS,
    lingerSeconds: LINGER_SECONDS,
    log,
  });
}

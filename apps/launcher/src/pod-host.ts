import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KernelHost, makeKubernetesHost, nextTerm, type PodPoolOptions, readKubeConfig } from '#libs/compute';
import { KernelspecCatalogue } from '#libs/jupyter';
import { type Config, kernelspecSources, type Log, projectRoot } from '#libs/platform';
import { LINGER_SECONDS, UNCLAIMED_SECONDS } from './agent-times.js';
import { podNamespaces } from './pod-identity.js';
import { podPlace } from './pod-place.js';

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
    // Whose a warm pod will be is not known when its user id is set, for good.
    pools: compute.identity === 'person' ? [] : poolsOf(config, log),
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

function poolsOf(config: Config, log: Log): PodPoolOptions[] {
  const kernelspecs = new KernelspecCatalogue({ ...kernelspecSources(config), onProblem: () => undefined });
  return Object.entries(config.pools.kernelspecs).flatMap(([name, size]) => {
    try {
      const { command, profile } = kernelspecs.resolve(name);
      if (command.kind !== 'image') throw new Error('it is made from no image');
      const like = config.profiles[profile];
      return like === undefined ? [] : [{ ...size, name, like: { ...like, command } }];
    } catch (error) {
      log.warn(`The kernelspec ${name} has no pool: ${(error as Error).message}`);
      return [];
    }
  });
}

import { join } from 'node:path';
import { type PoolOptions, ProcessHost, type TemplateOptions } from '#libs/compute';
import {
  type Environment,
  environmentFolders,
  findInterpreter,
  KernelspecCatalogue,
  readEnvironment,
} from '#libs/jupyter';
import { type Config, inheritedEnvironment, kernelspecSources, type Log, projectRoot } from '#libs/platform';
import { LINGER_SECONDS, UNCLAIMED_SECONDS } from './agent-times.js';

/** The host of this machine. Agents run on the Python of the default environment, which is new enough. */
export function processHost(config: Config, log: Log): ProcessHost {
  const root = projectRoot();
  const environments = environmentFolders([join(root, 'environments'), ...config.kernels.environments]);
  const { workingDirectories, defaultWorkingDirectory, cgroups, python } = config.kernels;
  const { ringBytes, retentionSeconds, orphanSeconds } = config.channels;
  const standard = readEnvironment(join(root, 'environments', 'python3'));
  return new ProcessHost({
    data: config.data,
    agent: join(root, 'agent', 'beamgate_agent', '__main__.py'),
    python: python || (findInterpreter(standard, config.cache) ?? 'python3'),
    templates: templatesOf(config, [standard, ...environments.map(readEnvironment)]),
    pools: poolsOf(config, log),
    poolBudget: config.pools.budget,
    inherited: inheritedEnvironment(config.kernels.inheritedEnv),
    workingDirectories,
    defaultWorkingDirectory,
    cgroups,
    ringBytes,
    retentionSeconds,
    orphanSeconds,
    unclaimedSeconds: UNCLAIMED_SECONDS,
    lingerSeconds: LINGER_SECONDS,
    log,
  });
}

const EMPTY = { floor: 0, ceiling: 0 };

/** Of the default environment and of those with a pool, where they are installed here. */
function templatesOf(config: Config, environments: readonly Environment[]): TemplateOptions[] {
  const [standard] = environments;
  const wanted = environments.filter((one) => one === standard || Object.hasOwn(config.pools.kernelspecs, one.name));
  const byPython = new Map<string, TemplateOptions>();
  for (const environment of wanted) {
    const python = findInterpreter(environment, config.cache);
    if (python !== undefined) byPython.set(python, { python, preload: environment.preload });
  }
  return [...byPython.values()];
}

/** Those of the settings last: where several kernelspecs are one command, theirs counts. The others are empty until told. */
function poolsOf(config: Config, log: Log): PoolOptions[] {
  const kernelspecs = new KernelspecCatalogue({ ...kernelspecSources(config), onProblem: () => undefined });
  const sized = config.pools.kernelspecs;
  const others = kernelspecs.list().filter(({ name }) => !Object.hasOwn(sized, name));
  const all = [...others.map(({ name }) => [name, EMPTY] as const), ...Object.entries(sized)];
  return all.flatMap(([name, size]) => {
    try {
      const { command, profile } = kernelspecs.resolve(name);
      if (command.kind === 'image') throw new Error('it is made from an image');
      if (command.kind === 'generic' && !command.claimable) throw new Error('it has no metadata.beamgate.claimable');
      const limits = config.profiles[profile]?.limits;
      return limits === undefined ? [] : [{ ...size, name, command, limits }];
    } catch (error) {
      if (size !== EMPTY) log.warn(`The kernelspec ${name} has no pool: ${(error as Error).message}`);
      return [];
    }
  });
}

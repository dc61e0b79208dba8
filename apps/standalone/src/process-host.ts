import { join } from 'node:path';
import { ProcessHost, type TemplateOptions } from '#libs/compute';
import { type Environment, environmentFolders, findInterpreter, readEnvironment } from '#libs/jupyter';
import type { Config, Log } from '#libs/platform';
import { projectRoot } from './project-root.js';

const UNCLAIMED_SECONDS = 300;
const LINGER_SECONDS = 60;
const NO_POOL = { floor: 0, ceiling: 0 };

/** The host of this machine. Agents run on the Python of the default environment, which is new enough. */
export function processHost(config: Config, inherited: Record<string, string>, log: Log): ProcessHost {
  const root = projectRoot();
  const environments = environmentFolders([join(root, 'environments'), ...config.kernels.environments]);
  const { workingDirectories, defaultWorkingDirectory, cgroups, python } = config.kernels;
  const { ringBytes, retentionSeconds, orphanSeconds } = config.channels;
  const standard = readEnvironment(join(root, 'environments', 'python3'));
  const pooled = (environment: Environment): boolean =>
    environment.name === standard.name || Object.hasOwn(config.pools.environments, environment.name);
  return new ProcessHost({
    data: config.data,
    agent: join(root, 'agent', 'beamgate_agent', '__main__.py'),
    python: python || (findInterpreter(standard, config.cache) ?? 'python3'),
    templates: environments
      .map(readEnvironment)
      .filter(pooled)
      .flatMap((environment) => templateOf(environment, config)),
    poolBudget: config.pools.budget,
    inherited,
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

/** None for an environment that is not installed here. */
function templateOf(environment: Environment, config: Config): TemplateOptions[] {
  const { name, preload, profiles } = environment;
  const python = findInterpreter(environment, config.cache);
  const profile = config.profiles[profiles.default ?? config.defaultProfile] ?? config.profiles[config.defaultProfile];
  if (python === undefined || profile === undefined) return [];
  return [{ name, python, preload, limits: profile.limits, pool: config.pools.environments[name] ?? NO_POOL }];
}

import { join } from 'node:path';
import { ProcessHost } from '#libs/compute';
import { findInterpreter, readEnvironment } from '#libs/jupyter';
import type { Config, Log } from '#libs/platform';
import { projectRoot } from './project-root.js';

const UNCLAIMED_SECONDS = 300;
const LINGER_SECONDS = 60;

/** The host of this machine. Agents run on the Python of the default environment, which is new enough. */
export function processHost(config: Config, inherited: Record<string, string>, log: Log): ProcessHost {
  const root = projectRoot();
  const environment = readEnvironment(join(root, 'environments', 'python3'));
  const { workingDirectories, defaultWorkingDirectory, cgroups, python } = config.kernels;
  const { ringBytes, retentionSeconds, orphanSeconds } = config.channels;
  const interpreter = findInterpreter(environment, config.cache);
  return new ProcessHost({
    data: config.data,
    agent: join(root, 'agent', 'beamgate_agent', '__main__.py'),
    python: python || (interpreter ?? 'python3'),
    templates: interpreter === undefined ? [] : [interpreter],
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

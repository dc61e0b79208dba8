import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { matchesName } from './name-patterns.js';

/** Variables of this service that kernels get: those that `kernels.inheritedEnv` names. */
export const inheritedEnvironment = (
  patterns: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && matchesName(patterns, name) ? [[name, value] as const] : [],
    ),
  );

/**
 * Folders that hold `kernels/` and the like, first wins: `JUPYTER_PATH`, the user's, those of an active virtual or
 * conda environment, the machine's.
 * @see jupyter_core `paths.jupyter_path`
 */
export const jupyterDataPaths = (env: NodeJS.ProcessEnv = process.env): string[] => {
  const split = (value: string | undefined): string[] => (value ?? '').split(delimiter).filter(Boolean);
  const user =
    env['JUPYTER_DATA_DIR'] ?? join(env['XDG_DATA_HOME'] ?? join(env['HOME'] ?? homedir(), '.local/share'), 'jupyter');
  const prefixes = [env['VIRTUAL_ENV'], env['CONDA_PREFIX']].filter((prefix) => prefix !== undefined);
  const paths = [
    ...split(env['JUPYTER_PATH']),
    user,
    ...prefixes.map((prefix) => join(prefix, 'share/jupyter')),
    '/usr/local/share/jupyter',
    '/usr/share/jupyter',
  ];
  return [...new Set(paths)];
};

/** When `npm start` was called, ms since the epoch; undefined where the service was started otherwise. */
export const startedAt = (env: NodeJS.ProcessEnv = process.env): number | undefined =>
  env['BEAMGATE_STARTED_AT'] === undefined ? undefined : Number(env['BEAMGATE_STARTED_AT']);

import type { KernelHost } from '#libs/compute';
import type { Config, Log } from '#libs/platform';
import { podHost } from './pod-host.js';
import { processHost } from './process-host.js';

/** Where the kernels of this configuration run. */
export const hostOf = async (config: Config, log: Log): Promise<KernelHost> =>
  config.compute.host === 'kubernetes' ? podHost(config, log) : processHost(config, log);

import { join } from 'node:path';
import type { Config } from '../config.schema.js';
import { inheritedEnvironment, jupyterDataPaths } from '../environment.js';
import { projectRoot } from '../project-root.js';

/** Where the kernelspecs of this configuration come from, as `KernelspecCatalogue` takes it. */
export const kernelspecSources = ({ kernels, compute, cache, profiles, defaultProfile, baseUrl }: Config) => ({
  environments: [join(projectRoot(), 'environments'), ...kernels.environments],
  cache,
  // What is installed here is in no image.
  dataPaths: kernels.offerInstalled && compute.host === 'process' ? jupyterDataPaths() : [],
  ...(compute.host === 'kubernetes' ? { images: compute.images } : {}),
  profiles: Object.keys(profiles),
  defaultProfile,
  allowed: kernels.allowedKernelspecs,
  baseUrl,
  variables: inheritedEnvironment(kernels.inheritedEnv),
});

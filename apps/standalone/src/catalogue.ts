import { join } from 'node:path';
import { KernelspecCatalogue } from '#libs/jupyter';
import { type Config, inheritedEnvironment, jupyterDataPaths } from '#libs/platform';
import { projectRoot } from './project-root.js';

/** The kernelspecs that this configuration offers. */
export const catalogueOf = (config: Config, onProblem: (sentence: string) => void): KernelspecCatalogue =>
  new KernelspecCatalogue({
    environments: [join(projectRoot(), 'environments'), ...config.kernels.environments],
    cache: config.cache,
    // What is installed here is in no image.
    dataPaths: config.kernels.offerInstalled && config.compute.host === 'process' ? jupyterDataPaths() : [],
    ...(config.compute.host === 'kubernetes' ? { images: config.compute.images } : {}),
    profiles: Object.keys(config.profiles),
    defaultProfile: config.defaultProfile,
    allowed: config.kernels.allowedKernelspecs,
    baseUrl: config.baseUrl,
    variables: inheritedEnvironment(config.kernels.inheritedEnv),
    onProblem,
  });

import type { KernelSpecModel } from '#libs/contracts';
import type { KernelspecCatalogue } from './kernelspecs.port.js';

/** All that are offered, and which of them a request without a name gets. */
export const kernelspecList = (
  catalogue: KernelspecCatalogue,
  preferred: string,
): { default: string; models: KernelSpecModel[] } => {
  const models = catalogue.list();
  return { default: catalogue.find(preferred)?.name ?? models[0]?.name ?? preferred, models };
};

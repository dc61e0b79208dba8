import type { KernelspecCatalogue as Catalogue } from '#libs/jupyter';

/** The kernelspecs that are offered, as far as the gateway asks. */
export type KernelspecCatalogue = Pick<Catalogue, 'list' | 'find' | 'resource' | 'resolve'>;
export const KERNELSPECS = Symbol('Kernelspecs');

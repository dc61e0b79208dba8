import type { ImageCommand } from '#libs/contracts';
import { type Environment, findInterpreter } from './environment.js';
import type { KernelspecEntry } from './kernelspecs-entry.js';

/** What the kernels of an environment are started from, or why they can't be. */
export type MadeEnvironment = Pick<KernelspecEntry, 'command' | 'refusal'>;

/** Images of environments, by their names. */
export type Images = Readonly<Record<string, Omit<ImageCommand, 'kind'>>>;

/** As a virtual environment in the cache of this machine. */
export function madeHere(environment: Environment, cache: string): MadeEnvironment {
  const python = findInterpreter(environment, cache);
  if (python !== undefined) return { command: { kind: 'python', python } };
  const refusal = `The environment ${environment.name} is not made on this machine: run scripts/environment.mjs.`;
  return { command: { kind: 'python', python: '' }, refusal };
}

/** As an image that a cluster has or can pull. */
export function madeAsImage({ name }: Environment, images: Images): MadeEnvironment {
  const made = Object.hasOwn(images, name) ? images[name] : undefined;
  if (made !== undefined) return { command: { kind: 'image', ...made } };
  const refusal = `The environment ${name} has no image: compute.images names none.`;
  return { command: { kind: 'image', image: '', python: '' }, refusal };
}

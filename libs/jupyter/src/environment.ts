import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { CullLimits } from '#libs/contracts';

const KernelspecName = z.string().regex(/^[a-z0-9._-]+$/, 'must be lower-case letters, digits, dot, dash, underscore');

/** `environment.yaml`: what scientists choose and admins publish. */
export const EnvironmentFile = z.strictObject({
  name: KernelspecName.describe('the folder is named so too'),
  version: z.string(),
  displayName: z.string().min(1),
  description: z.string().default(''),
  language: z.literal('python'),
  discipline: z.string().default('general'),
  packages: z.array(z.string()).describe('what it is for; requirements.lock pins these and what they need'),
  preload: z.array(z.string()).default([]).describe('modules that a template process imports once'),
  profiles: z
    .strictObject({ default: z.string().optional(), allowed: z.array(z.string()).default([]) })
    .prefault({})
    .describe('sizes of kernels by name; without a default, that of the service'),
  culling: CullLimits.strict()
    .default({})
    .describe('when its kernels are ended unasked, where not as the service says; seconds, 0: never'),
  aliases: z.array(KernelspecName).default([]).describe('former names'),
  smoke: z.string().optional().describe('notebook that shows it works'),
});
export type EnvironmentFile = z.infer<typeof EnvironmentFile>;

/** A curated environment as found on disk. */
export interface Environment extends EnvironmentFile {
  folder: string;
  /** First 12 hex digits of the SHA-256 of its lock. */
  lockHash: string;
}

/** The folders with an `environment.yaml`: `parents` themselves, or what lies in them. A missing parent has none. */
export function environmentFolders(parents: readonly string[]): string[] {
  return parents.flatMap((parent) => {
    if (existsSync(join(parent, 'environment.yaml'))) return [parent];
    if (!existsSync(parent)) return [];
    return readdirSync(parent)
      .sort()
      .map((name) => join(parent, name))
      .filter((folder) => existsSync(join(folder, 'environment.yaml')));
  });
}

/** @throws Error that names the file and field */
export function readEnvironment(folder: string): Environment {
  const file = join(folder, 'environment.yaml');
  const result = EnvironmentFile.safeParse(parse(readFileSync(file, 'utf8')));
  if (!result.success) throw new Error(`${file}: ${z.prettifyError(result.error)}`);
  if (result.data.name !== basename(folder)) {
    throw new Error(`${file}: name is ${result.data.name}, its folder ${basename(folder)}`);
  }
  const lock = readFileSync(join(folder, 'requirements.lock'));
  return { ...result.data, folder, lockHash: createHash('sha256').update(lock).digest('hex').slice(0, 12) };
}

/**
 * The interpreter of an environment that `scripts/environment.mjs` made in the cache, or undefined where it is not
 * made or not whole.
 */
export function findInterpreter({ name, lockHash }: Environment, cache: string): string | undefined {
  const parent = join(cache, 'environments');
  if (!existsSync(parent)) return undefined;
  return readdirSync(parent)
    .filter((entry) => entry.startsWith(`${name}-${lockHash}-py`) && entry.endsWith(`-${process.arch}`))
    .filter((entry) => existsSync(join(parent, entry, '.ready')))
    .map((entry) => join(parent, entry, 'bin', 'python'))
    .find((python) => existsSync(python));
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CullLimits, KernelSpecFile } from '#libs/contracts';
import type { KernelspecEntry } from './kernelspecs-entry.js';

/** As Jupyter checks names. @see jupyter_client `kernelspec._is_valid_kernel_name` */
export const isKernelspecName = (name: string): boolean => /^[a-z0-9._-]+$/i.test(name) && !/^\.+$/.test(name);

/** The folders of kernelspecs below Jupyter's data paths, in their order; the first of a name wins. */
export function installedFolders(dataPaths: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const dataPath of dataPaths) {
    const parent = join(dataPath, 'kernels');
    for (const entry of existsSync(parent) ? readdirSync(parent) : []) {
      const name = entry.toLowerCase();
      const folder = join(parent, entry);
      if (isKernelspecName(name) && !found.has(name) && existsSync(join(folder, 'kernel.json'))) {
        found.set(name, folder);
      }
    }
  }
  return found;
}

/** @throws Error when kernel.json is not one */
export function readInstalled(name: string, folder: string, profile: string): KernelspecEntry {
  const spec = KernelSpecFile.parse(JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8')));
  if (spec.argv.length === 0) throw new Error('argv is empty');
  const foreign = foreignLauncher(spec.metadata);
  return {
    name,
    spec,
    directory: folder,
    command: {
      kind: 'generic',
      argv: spec.argv,
      interruptMode: spec.interrupt_mode,
      resourceDir: folder,
      ...(field(spec.metadata['beamgate'], 'claimable') === true ? { claimable: true } : {}),
    },
    profile,
    culling: cullLimits(spec.metadata['cull_idle_timeout']),
    ...(foreign === undefined
      ? {}
      : { refusal: `Kernelspec ${name} asks for ${foreign} to start its kernels; only local kernelspecs run here.` }),
  };
}

/** `metadata.cull_idle_timeout`, seconds; 0 or less: never. @throws Error when it is no number */
function cullLimits(timeout: unknown): CullLimits {
  if (timeout === undefined || timeout === null) return {};
  const idleSeconds = Number(timeout);
  if (!Number.isFinite(idleSeconds)) throw new Error('metadata.cull_idle_timeout must be a number of seconds');
  return { idleSeconds: Math.max(0, idleSeconds) };
}

/** The process proxy (Enterprise Gateway) or provisioner (jupyter_client) that a kernelspec asks for, if not local. */
function foreignLauncher(metadata: Record<string, unknown>): string | undefined {
  const proxy = field(metadata['process_proxy'], 'class_name');
  if (typeof proxy === 'string' && !proxy.endsWith('.LocalProcessProxy')) return `process proxy ${proxy}`;
  const provisioner = field(metadata['kernel_provisioner'], 'provisioner_name');
  if (typeof provisioner === 'string' && provisioner !== 'local-provisioner') return `provisioner ${provisioner}`;
  return undefined;
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway.js';
import { parts, root } from './parts.js';

const gateOf = (specs: string): string => join(specs, 'gate');

/**
 * A folder for JUPYTER_PATH that offers the kernelspec `gated`: the null kernel, which can be claimed, but whose process waits
 * at a gate before it starts.
 */
export function gatedKernel(): string {
  const folder = temporaryFolder('specs');
  const kernelspec = join(folder, 'kernels/gated');
  mkdirSync(kernelspec, { recursive: true });
  const source = join(root, 'test/bench/null-kernel');
  const { argv, ...spec } = JSON.parse(readFileSync(join(source, 'kernel.json'), 'utf8')) as { argv: string[] };
  const command = [parts().python, join(source, 'null_kernel.py'), argv.at(-1)];
  const wait = `until [ -e '${gateOf(folder)}' ]; do sleep 0.05; done; exec "$@"`;
  const gated = { ...spec, argv: ['sh', '-c', wait, 'sh', ...command], display_name: 'Gated' };
  writeFileSync(join(kernelspec, 'kernel.json'), JSON.stringify(gated));
  return folder;
}

/** Lets all of them start. */
export const openGate = (specs: string): void => writeFileSync(gateOf(specs), '');

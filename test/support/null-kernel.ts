import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway.js';
import { parts, root } from './parts.js';

/** A folder for JUPYTER_PATH that offers the kernelspec `null`: a kernel that starts in no time and does nothing. */
export function offerNullKernel(): string {
  const folder = temporaryFolder('specs');
  const kernelspec = join(folder, 'kernels/null');
  cpSync(join(root, 'test/bench/null-kernel'), kernelspec, { recursive: true });
  const file = join(kernelspec, 'kernel.json');
  // The machine's own `python3` may be a script that looks for one, which takes longer than the kernel.
  writeFileSync(file, readFileSync(file, 'utf8').replace('"python3"', JSON.stringify(parts().python)));
  return folder;
}

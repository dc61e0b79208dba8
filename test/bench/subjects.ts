import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { EnterpriseGateway } from '../support/enterprise-gateway.js';
import { type Gateway, temporaryFolder } from '../support/gateway.js';
import { parts, root } from '../support/parts.js';

export type SubjectName = 'beamgate' | 'peer' | 'peer-no-delay';
export type Subjects = Partial<Record<SubjectName, Gateway>>;

const IPYKERNEL = [parts().python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
// Absolute, isolated and without site packages: nothing but the kernel's own 40 ms.
const NULL_KERNEL = [
  parts().python,
  '-I',
  '-S',
  join(root, 'test/bench/null-kernel/null_kernel.py'),
  '{connection_file}',
];

export const KERNELS = { python3: IPYKERNEL, null: NULL_KERNEL } as const;
export type KernelName = keyof typeof KERNELS;

/**
 * A folder for JUPYTER_PATH with the same kernels for all. The name `python3` is Beamgate's own environment there; its
 * interpreter and ipykernel are those that the kernelspec of the peer names.
 */
export function kernelspecs(): string {
  const folder = temporaryFolder('specs');
  for (const [name, argv] of Object.entries(KERNELS)) {
    const to = join(folder, 'kernels', name);
    const bare = name === 'null';
    mkdirSync(to, { recursive: true });
    if (bare) cpSync(join(root, 'test/bench/null-kernel'), to, { recursive: true });
    const metadata = bare ? { beamgate: { claimable: true } } : {};
    const spec = { argv, display_name: name, language: bare ? 'null' : 'python', metadata };
    writeFileSync(join(to, 'kernel.json'), JSON.stringify(spec));
  }
  return folder;
}

export async function start(name: SubjectName, jupyterPath: string): Promise<Gateway> {
  if (name === 'beamgate') {
    // What a small machine may book would let the hundredth kernel wait.
    const config = { scheduling: { cpuMilli: 1_000_000, memoryBytes: 2 ** 40 } };
    return Beamgate.start({ config, env: { JUPYTER_PATH: jupyterPath }, logName: 'bench-beamgate' });
  }
  return EnterpriseGateway.start({ jupyterPath, noDelay: name === 'peer-no-delay' });
}

/** Proportional set size of a process, bytes: shared pages count by their share. */
export function proportionalSetSize(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024;
}

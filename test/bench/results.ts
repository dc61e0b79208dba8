import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parts, serviceNode } from '../support/parts.js';
import { type Figure, figure } from './statistics.js';

export interface Machine {
  cores: number;
  processor: string;
  memoryGiB: number;
  kernel: string;
  node: string;
  python: string;
  ipykernel: string;
  peer: string;
}

const firstLine = (command: string, args: string[]): string => execFileSync(command, args, { encoding: 'utf8' }).trim();

export function machine(): Machine {
  const { python, enterpriseGateway } = parts();
  const version = (interpreter: string, distribution: string) =>
    firstLine(interpreter, ['-c', `import importlib.metadata as m; print(m.version('${distribution}'))`]);
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? '',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: `Linux ${release()}`,
    node: firstLine(serviceNode(), ['--version']),
    python: firstLine(python, ['-c', 'import platform; print(platform.python_version())']),
    ipykernel: version(python, 'ipykernel'),
    peer: `jupyter_enterprise_gateway ${version(join(enterpriseGateway, 'bin', 'python'), 'jupyter_enterprise_gateway')}`,
  };
}

/** Where a figure stands: its row, its subject. */
export type Rows = Map<string, { unit: string; subjects: Map<string, number[]> }>;

/** Collects one value per repeat, row and subject. */
export class Results {
  private readonly rows: Rows = new Map();

  add(row: string, unit: string, subject: string, value: number): void {
    const entry = this.rows.get(row) ?? { unit, subjects: new Map<string, number[]>() };
    this.rows.set(row, entry);
    entry.subjects.set(subject, [...(entry.subjects.get(subject) ?? []), value]);
  }

  figures(): Record<string, { unit: string; subjects: Record<string, Figure> }> {
    return Object.fromEntries(
      [...this.rows].map(([row, { unit, subjects }]) => [
        row,
        { unit, subjects: Object.fromEntries([...subjects].map(([name, values]) => [name, figure(values)])) },
      ]),
    );
  }
}

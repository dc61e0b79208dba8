import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parts } from './parts.js';

/** What the agent of a kernel writes about itself. */
export interface AgentRecord {
  kernelId: string;
  pid: number;
  kernelPid: number;
  socket: string;
}

const RECORD = /^[0-9a-f-]{36}\.json$/;

/** Records of living agents in a data folder. */
export const agentRecords = (data: string): AgentRecord[] =>
  readdirSync(join(data, 'run'))
    .filter((name) => RECORD.test(name))
    .flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(data, 'run', name), 'utf8')) as AgentRecord];
      } catch {
        return []; // Removed meanwhile.
      }
    });

export const agentRecord = (data: string, kernelId: string): AgentRecord => {
  const record = agentRecords(data).find((one) => one.kernelId === kernelId);
  if (!record) throw new Error(`No agent of kernel ${kernelId} left a record`);
  return record;
};

const text = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Living processes whose command line or environment holds one of these texts; ourselves apart. */
export const processesWith = (...needles: string[]): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const about = text(`/proc/${pid}/cmdline`) + text(`/proc/${pid}/environ`);
      return needles.some((needle) => about.includes(needle));
    })
    .map(Number);

/** Variables that a process was started with. */
export const environmentOf = (pid: number): Record<string, string> =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );

/** Cgroups of kernels, wherever they lie. */
export const kernelCgroups = (kernelIds: readonly string[]): string[] => {
  const root = '/sys/fs/cgroup';
  if (!existsSync(root)) return [];
  return (readdirSync(root, { recursive: true, withFileTypes: false }) as string[]).filter((path) =>
    kernelIds.some((id) => path.endsWith(`beamgate-${id}`)),
  );
};

const WAIT = `
import os, select, sys
try:
    descriptor = os.pidfd_open(int(sys.argv[1]))
except ProcessLookupError:
    sys.exit()
print('watching', flush=True)
select.select([descriptor], [], [])
`;

/** When a process that is not our child ended. Resolves once it is watched; `ended` gives the moment, ms. */
export async function watchEnd(pid: number): Promise<{ ended: Promise<number> }> {
  const watcher = spawn(parts().python, ['-I', '-S', '-c', WAIT, String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<number>((resolve) => watcher.once('exit', () => resolve(Date.now())));
  await Promise.race([new Promise((resolve) => watcher.stdout.once('data', resolve)), ended]);
  return { ended };
}

/** Resolves when the process is gone. */
export const ended = async (pid: number): Promise<number> => (await watchEnd(pid)).ended;

/**
 * Asks until there is an answer: for facts that nothing announces.
 * @throws Error with `what` after `seconds`
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  seconds = 15,
): Promise<T> {
  for (const until = Date.now() + seconds * 1000; ; await delay(20)) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`Not within ${seconds} s: ${what}`);
  }
}

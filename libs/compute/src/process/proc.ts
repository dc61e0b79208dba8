import { readdirSync, readFileSync } from 'node:fs';

/** Names a process for ever: a pid alone comes back. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  startTime: number;
  bootId: string;
}

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Start time of a living process; undefined for one that is gone or only waits to be reaped. */
export function startTimeOf(pid: number): number | undefined {
  try {
    // The second field, the name, may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? [];
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

export const isAlive = (process: ProcessIdentity): boolean =>
  startTimeOf(process.pid) === process.startTime && process.bootId === bootId();

const strings = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').split('\0');
  } catch {
    return [];
  }
};

const pids = (): number[] => readdirSync('/proc').map(Number).filter(Number.isInteger);

/** A process that was started with this argument. */
export const findByArgument = (argument: string): number | undefined =>
  pids().find((pid) => strings(`/proc/${pid}/cmdline`).includes(argument));

/** Processes of the kernels: the environment is handed down, whatever group or session a child made for itself. */
export function processesOfKernels(kernelIds: ReadonlySet<string>): number[] {
  const wanted = new Set([...kernelIds].map((id) => `KERNEL_ID=${id}`));
  if (wanted.size === 0) return [];
  return pids().filter(
    (pid) => pid !== process.pid && strings(`/proc/${pid}/environ`).some((entry) => wanted.has(entry)),
  );
}

/** Sends a signal; a process that is gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as elapse } from 'node:timers/promises';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of a process and all its threads so far, seconds. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name, in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** CPU of processes over a quiet time, per cent of one core, in their order. */
export async function cpuPercent(pids: readonly number[], seconds: number): Promise<number[]> {
  const [began, before] = [performance.now(), pids.map(cpuSeconds)];
  await elapse(seconds * 1000);
  const elapsed = (performance.now() - began) / 1000;
  return pids.map((pid, at) => (100 * (cpuSeconds(pid) - (before[at] as number))) / elapsed);
}

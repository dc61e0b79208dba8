import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, processesWith } from '../support/processes.js';

const CGROUPS = '/sys/fs/cgroup';
const TASKS = 'io.containerd.runtime.v2.task/k8s.io';

/** Kills the containers of a runtime that is gone, by pid: its shims outlive it on purpose. */
export async function killContainers(folder: string, socket: string): Promise<void> {
  const shims = processesWith(socket);
  const containers = shims.flatMap((shim) => readPids(`/proc/${shim}/task/${shim}/children`));
  for (const pid of [...containers, ...shims]) kill(pid);
  // Nobody tells us of the end of what is not our child.
  const gone = () => [...containers, ...shims].every(hasEnded) || undefined;
  await eventually('every container has ended', gone);
  const tasks = join(folder, 'state', TASKS);
  for (const id of existsSync(tasks) ? readdirSync(tasks) : []) {
    // The socket of a shim lies outside of what the runtime can be told.
    const address = join(tasks, id, 'address');
    if (existsSync(address)) rmSync(readFileSync(address, 'utf8').replace('unix://', ''), { force: true });
  }
}

/** Undoes the mounts under a folder, the innermost first. */
export function unmountUnder(folder: string): void {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.reverse()) execFileSync('umount', ['--lazy', point]);
}

/** Folders of a cgroup, one in each hierarchy. */
export const cgroupsOf = (name: string): string[] =>
  (existsSync(join(CGROUPS, 'cgroup.controllers')) ? [''] : readdirSync(CGROUPS)).map((hierarchy) =>
    join(CGROUPS, hierarchy, name),
  );

/** Removes a cgroup without processes, its children first. */
export function removeCgroup(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  }
  rmdirSync(folder);
}

function readPids(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Dead, if not yet buried by whoever became its parent. */
function hasEnded(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

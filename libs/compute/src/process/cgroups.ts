import { readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folders of this process's cgroups, one for each hierarchy. @see cgroups(7), proc_pid_mountinfo(5) */
export function ownCgroups(mountinfo: string, cgroup: string): string[] {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '/', point = ''] = left.split(' ');
    const [kind = '', , options = ''] = right.split(' ');
    return kind === 'cgroup' || kind === 'cgroup2' ? [{ root, point, kind, options: options.split(',') }] : [];
  });
  return cgroup.split('\n').flatMap((line) => {
    const [, names = '', path = ''] = line.split(/:([^:]*):/);
    const mount = mounts.find(({ kind, options }) =>
      names === '' ? kind === 'cgroup2' : kind === 'cgroup' && names.split(',').every((name) => options.includes(name)),
    );
    if (mount === undefined || path === '') return [];
    const below = mount.root !== '/' && path.startsWith(mount.root) ? path.slice(mount.root.length) : path;
    return [join(mount.point, below)];
  });
}

/**
 * Removes what an agent that was killed could not: its kernel's cgroups, which lie in or beside our own.
 *
 * @returns false when one has a process in it still
 */
export function removeCgroups(kernelId: string): boolean {
  let empty = true;
  const own = ownCgroups(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
  for (const parent of own.flatMap((folder) => [folder, dirname(folder)])) {
    try {
      rmdirSync(join(parent, `beamgate-${kernelId}`));
    } catch (error) {
      // Most hierarchies have none.
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') empty = false;
    }
  }
  return empty;
}

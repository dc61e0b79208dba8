import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, kernelCgroups, processesWith } from './processes.js';

/** Folders of the agents' sockets: in the data folder, or below /tmp where its path is too long for a socket. */
const socketFolders = (data: string): string[] => {
  const hash = createHash('sha256').update(data).digest('hex').slice(0, 12);
  return [join(data, 'run/s'), `/tmp/beamgate-${process.getuid?.()}-${hash}`];
};

/** What kernels that have ended left behind on this machine. Empty lists where all is clean. */
export const leftovers = (
  data: string,
  kernelIds: readonly string[],
): { processes: number[]; sockets: string[]; records: string[]; cgroups: string[] } => ({
  processes: processesWith(join(data, 'run'), ...kernelIds.map((id) => `KERNEL_ID=${id}`)),
  sockets: socketFolders(data)
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder)),
  records: readdirSync(join(data, 'run')).filter((name) => name.endsWith('.json')),
  cgroups: kernelCgroups(kernelIds),
});

const NOTHING = { processes: [], sockets: [], records: [], cgroups: [] };

/** An agent ends, and is cleaned up after, a moment after its kernel's end is told. @throws what is left after that */
export async function nothingLeft(data: string, kernelIds: readonly string[]): Promise<void> {
  let found: object = {};
  const clean = () => {
    const left = leftovers(data, kernelIds);
    found = left;
    return Object.values(left).every((list) => list.length === 0) || undefined;
  };
  await eventually('nothing is left', clean).catch(() => expect(found).toEqual(NOTHING));
}

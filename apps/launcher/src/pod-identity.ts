import type { PodFor, PodPlace, PodVolume } from '#libs/compute';
import type { Config } from '#libs/platform';

type Compute = Config['compute'];
type Identity = Pick<PodPlace, 'namespace' | 'uid' | 'gid' | 'groups' | 'volumes'>;

/**
 * As whom a kernel runs, and what it sees.
 *
 * @throws Error with a sentence for the user, who has no identity
 */
export function podIdentity(compute: Compute, { owner, project }: Pick<PodFor, 'owner' | 'project'>): Identity {
  const { namespace = compute.namespace, uid, gid, groups, volumes } = settingsFor(compute, owner, project);
  return { namespace, uid, gid, groups, volumes: volumes.map(volumeOf) };
}

/** All namespaces that a kernel may run in. */
export const podNamespaces = ({ namespace, identity, projects }: Compute): string[] => {
  const own = identity === 'project' ? Object.values(projects).map((project) => project.namespace ?? namespace) : [];
  return [...new Set([namespace, ...own])];
};

function settingsFor(
  { identity, persons, projects, ...standard }: Compute,
  owner: string | null,
  project: string | null,
): Compute['projects'][string] {
  if (identity === 'person') {
    const person = entry(persons, owner);
    if (person === undefined)
      throw new Error(`There is no user id for ${owner ?? 'nobody'}: an administrator sets it in compute.persons.`);
    return person;
  }
  return entry(projects, project) ?? standard;
}

/** Names come from outside. */
const entry = <T>(entries: Readonly<Record<string, T>>, name: string | null): T | undefined =>
  name !== null && Object.hasOwn(entries, name) ? entries[name] : undefined;

function volumeOf({ name, mountPath, readOnly, subPath, ...source }: Compute['volumes'][number]): PodVolume {
  const { claim, hostPath, nfs } = source;
  return {
    ...{ name, mountPath, readOnly },
    ...(subPath === undefined ? {} : { subPath }),
    source: {
      ...(claim === undefined ? {} : { persistentVolumeClaim: { claimName: claim } }),
      // One that is not there is refused, not made.
      ...(hostPath === undefined ? {} : { hostPath: { path: hostPath, type: 'Directory' } }),
      ...(nfs === undefined ? {} : { nfs: { ...nfs, readOnly } }),
    },
  };
}

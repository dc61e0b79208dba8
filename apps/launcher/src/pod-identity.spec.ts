import { Config } from '#libs/platform';
import { podIdentity, podNamespaces } from './pod-identity.js';

const compute = (changes: object = {}) => Config.parse({ compute: { namespace: 'all', uid: 7, ...changes } }).compute;
const tomo = { namespace: 'tomo', uid: 2001, gid: 2000, groups: [3000] };
const home = { name: 'home', claim: 'home-ada', mountPath: '/home/ada' };

it('is that of the project, in its namespace', () => {
  const settings = compute({ projects: { tomo } });
  expect(podIdentity(settings, { owner: 'ada', project: 'tomo' })).toEqual({ ...tomo, volumes: [] });
  expect(podNamespaces(settings)).toEqual(['all', 'tomo']);
});

it.each([null, 'other', 'constructor'])('is the common one for the project %s', (project) => {
  const settings = compute({ projects: { tomo } });
  expect(podIdentity(settings, { owner: 'ada', project })).toMatchObject({ namespace: 'all', uid: 7 });
});

it('is that of the owner, whatever the project, where persons have their own', () => {
  const settings = compute({ identity: 'person', projects: { tomo }, persons: { ada: { uid: 501, gid: 500 } } });
  expect(podIdentity(settings, { owner: 'ada', project: 'tomo' })).toMatchObject({ namespace: 'all', uid: 501 });
  for (const owner of ['bob', 'constructor'])
    expect(() => podIdentity(settings, { owner, project: null })).toThrow(`no user id for ${owner}`);
  expect(podNamespaces(settings)).toEqual(['all']);
});

it('has volumes of claims, folders of the node, and NFS', () => {
  const volumes = [
    { ...home, subPath: 'ada' },
    { name: 'raw', hostPath: '/data/raw', mountPath: '/raw', readOnly: true },
    { name: 'lab', nfs: { server: 'nfs.example', path: '/lab' }, mountPath: '/lab', readOnly: true },
  ];
  expect(podIdentity(compute({ volumes }), { owner: null, project: null }).volumes).toEqual([
    {
      ...{ name: 'home', mountPath: '/home/ada', readOnly: false, subPath: 'ada' },
      source: { persistentVolumeClaim: { claimName: 'home-ada' } },
    },
    {
      ...{ name: 'raw', mountPath: '/raw', readOnly: true },
      source: { hostPath: { path: '/data/raw', type: 'Directory' } },
    },
    {
      ...{ name: 'lab', mountPath: '/lab', readOnly: true },
      source: { nfs: { server: 'nfs.example', path: '/lab', readOnly: true } },
    },
  ]);
});

it.each([
  [{ uid: 10_001 }, /agent's/],
  [{ projects: { tomo: { ...tomo, uid: 10_001 } } }, /agent's/],
  [{ projects: { Tomo: tomo } }, /a-z/],
  [{ volumes: [{ ...home, hostPath: '/x' }] }, /one of claim/],
  [{ volumes: [{ name: 'home', mountPath: '/home' }] }, /one of claim/],
  [{ volumes: [{ ...home, mountPath: 'home' }] }, /absolute/],
  [{ volumes: [home, { ...home, mountPath: '/other' }] }, /names of their own/],
  [{ volumes: [home, { ...home, name: 'other' }] }, /mount paths of their own/],
])('refuses %j', (changes, message) => {
  expect(() => compute(changes)).toThrow(message);
});
